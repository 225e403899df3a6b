//! Handshakes between every kind of certificate.
