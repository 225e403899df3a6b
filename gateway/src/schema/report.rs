//! What is served, told to those who run the gateway.

use super::{Schemas, compile, told};
use crate::backend::Backend;
use crate::state::{BackendState, EndpointState, RouteState, State};

impl Schemas {
    /// What is served at the moment.
    pub(crate) fn state(&self) -> State {
        let current = self.current();
        let backends = self.backend_states();
        let mut state = State {
            routes: Vec::new(),
            warnings: Vec::new(),
            backends,
            since: None,
            hash: None,
            former: self.former(),
            refused: self.refused.load().as_ref().clone(),
        };
        let Some(schema) = current.as_ref() else { return state };
        let name = |index: usize| self.backends().get(index).map(|backend| backend.name.to_string());
        let route = |(method, template, grpc): (&str, &str, &str)| RouteState {
            method: method.to_owned(),
            template: template.to_owned(),
            grpc: grpc.to_owned(),
            backend: schema.owner(grpc).and_then(name),
            access: told::access(schema.access.get(grpc)),
            rules: schema
                .program
                .method(grpc)
                .map_or_else(Default::default, |method| told::rules(method.rules(), schema.bounds(grpc))),
        };
        state.routes = schema.program.routes().map(route).collect();
        state.warnings.clone_from(&schema.warnings);
        state.since = Some(schema.since);
        state.hash = Some(schema.hash.clone());
        state
    }

    /// The encoded descriptor set of the newest good schema.
    pub(crate) fn descriptor_set(&self) -> Option<Vec<u8>> {
        self.current().as_ref().as_ref().map(|schema| compile::set_of(&schema.files))
    }

    fn backend_states(&self) -> Vec<BackendState> {
        let known = self.known();
        let state = |(backend, known): (&crate::backend::Backend, &super::Known)| BackendState {
            name: backend.name.to_string(),
            known: known.files.is_some(),
            serving: known.is_serving(),
            services: known.files.as_ref().map(|files| files.services.clone()).unwrap_or_default(),
            endpoints: endpoint_states(backend, known),
        };
        self.backends().iter().zip(known.iter()).map(state).collect()
    }
}

fn endpoint_states(backend: &Backend, known: &super::Known) -> Vec<EndpointState> {
    let state = |(index, (ready, current)): (usize, (bool, bool))| {
        let (place, error) = backend.endpoints().place(index)?;
        Some(EndpointState { place, ready, current, error })
    };
    known.standings().enumerate().filter_map(state).collect()
}
