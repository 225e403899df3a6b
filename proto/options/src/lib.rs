//! What the http mapping cannot say, said once on the protos: options and the tables read from them.
