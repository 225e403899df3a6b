//! Reflection of everything that the backends serve, in both versions, with every option as it was written.

use std::fmt;
use std::pin::Pin;

use http::{Request, Response};
use tonic::body::Body;
use tonic_reflection::server::{Builder, Error};

use super::{HEALTH, REFLECTION};

type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
type Serve = Box<dyn Fn(Request<Body>) -> Answer + Send + Sync>;

/// Reflection of one schema.
pub(crate) struct Reflection {
    v1: Serve,
    v1alpha: Serve,
}

impl fmt::Debug for Reflection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Reflection")
    }
}

impl Reflection {
    /// Reflection of an encoded descriptor set and the gateway's own services.
    pub(crate) fn new<'a>(
        descriptor_set: &[u8],
        services: impl Iterator<Item = &'a str>,
    ) -> Result<Self, Error> {
        let mut names: Vec<&str> = services.chain([HEALTH]).chain(REFLECTION).collect();
        names.sort_unstable();
        let builder = || {
            let builder = Builder::configure()
                .register_encoded_file_descriptor_set(descriptor_set)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
                .include_reflection_service(false);
            names.iter().fold(builder, |builder, name| builder.with_service_name(*name))
        };
        let (v1, v1alpha) = (builder().build_v1()?, builder().build_v1alpha()?);
        Ok(Self {
            v1: Box::new(move |request| {
                let mut service = v1.clone();
                Box::pin(async move { super::call(&mut service, request).await })
            }),
            v1alpha: Box::new(move |request| {
                let mut service = v1alpha.clone();
                Box::pin(async move { super::call(&mut service, request).await })
            }),
        })
    }

    /// Answers in version 1, or in its predecessor.
    pub(crate) async fn call(&self, v1: bool, request: Request<Body>) -> Response<Body> {
        if v1 { (self.v1)(request).await } else { (self.v1alpha)(request).await }
    }
}
