//! Keeps a workload's service address and route true.

use std::net::Ipv4Addr;

use engine::{InstanceId, Port, Workload};

use super::Actor;

/// What was published last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Published {
    workload: Workload,
    /// Each with the port that it was started with.
    ready: Vec<(InstanceId, Option<Port>)>,
    served: Option<(Port, Vec<Ipv4Addr>)>,
}

impl Actor {
    /// Leads the job's address and route to the instances that are ready and stay.
    pub(super) async fn publish(&mut self) {
        let ready = || self.members.values().filter(|member| member.view.ready && !member.leaving);
        let published = Published {
            workload: self.record.workload.clone(),
            ready: ready().map(|member| (member.record.id.clone(), member.record.workload.port)).collect(),
            served: self.record.workload.port.map(|wanted| {
                let port = port_of(wanted, ready().filter_map(|member| member.record.workload.port));
                let on_it = ready().filter(|member| member.record.workload.port == Some(port));
                (port, on_it.filter_map(|member| member.address).collect())
            }),
        };
        if self.published.as_ref() == Some(&published) {
            return;
        }
        self.shared.routes.publish(&published.workload, &published.ready);
        let served = match published.served.clone() {
            Some((port, ready)) => self.shared.services.serve(&published.workload, port, ready).await,
            None => self.shared.services.withdraw(&published.workload).await,
        };
        match served {
            Ok(()) => {
                self.shared.step("engine.service.set");
                self.published = Some(published);
            }
            Err(error) => {
                tracing::error!(workload = %published.workload.id, %error, "a job's address cannot be set now");
                self.look_again();
            }
        }
    }

    /// Leads them nowhere.
    pub(super) async fn withdraw(&mut self) {
        self.shared.routes.withdraw(&self.record.workload.id);
        if let Err(error) = self.shared.services.withdraw(&self.record.workload).await {
            tracing::error!(workload = %self.record.workload.id, %error, "a job's address stays");
        }
    }
}

/// The port under a job's name: the wanted one as soon as an instance serves it, and until then the one that is served.
fn port_of(wanted: Port, served: impl Iterator<Item = Port> + Clone) -> Port {
    let is_served = served.clone().any(|port| port == wanted);
    served.into_iter().next().filter(|_| !is_served).unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use engine::Protocol;

    use super::*;

    #[test]
    fn a_name_keeps_its_port_until_an_instance_serves_the_new_one() {
        let [old, new] = [8000, 8001].map(|number| Port { number, protocol: Protocol::Tcp });
        assert_eq!(port_of(new, [].into_iter()), new);
        assert_eq!(port_of(new, [old].into_iter()), old);
        assert_eq!(port_of(new, [old, new].into_iter()), new);
    }
}
