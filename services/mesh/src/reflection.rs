//! Server reflection, v1 and v1alpha, from encoded descriptor sets: decoding them would lose every option that is ours.

use tonic_reflection::server::Builder;

use crate::serve::{BuildError, Services};

/// Adds both versions of reflection, which name the services that are served and describe all that is in the sets.
pub(crate) fn add(services: Services, descriptors: &[&'static [u8]]) -> Result<Services, BuildError> {
    let mut names = services.names();
    names.push("grpc.reflection.v1.ServerReflection");
    names.push("grpc.reflection.v1alpha.ServerReflection");
    #[cfg(feature = "health")]
    names.push("grpc.health.v1.Health");
    let builder = || {
        let mut builder = Builder::configure();
        for set in descriptors {
            builder = builder.register_encoded_file_descriptor_set(set);
        }
        #[cfg(feature = "health")]
        let builder = builder.register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        let builder = builder
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
            .include_reflection_service(false);
        names.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    };
    let refused = |error: tonic_reflection::server::Error| BuildError::Reflection(error.to_string());
    let v1 = builder().build_v1().map_err(refused)?;
    let v1alpha = builder().build_v1alpha().map_err(refused)?;
    Ok(services.add(v1).add(v1alpha))
}
