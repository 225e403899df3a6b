//! Fuzz targets of `transcode`: what they do is in `targets`, which the ordinary tests replay the corpus with.

pub mod targets;
