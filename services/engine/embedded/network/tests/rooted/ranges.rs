//! Platforms of one machine never have the same range of addresses.

use std::collections::BTreeSet;

use engine_network::{Error, Network, Options};

use crate::scene::{self, Scene};

/// Platforms that begin at the same moment, each in a thread of its own.
fn together(scene: &Scene, platforms: u32, options: &Options) -> Vec<Result<Network, Error>> {
    let start = std::sync::Barrier::new(platforms as usize);
    std::thread::scope(|scope| {
        let open = |platform| {
            let (engine, start) = (scene.directory().join(format!("engine-{platform}")), &start);
            scope.spawn(move || {
                start.wait();
                Network::open(&engine, options.clone())
            })
        };
        let opening: Vec<_> = (0..platforms).map(open).collect();
        opening.into_iter().map(|opened| opened.join().unwrap()).collect()
    })
}

#[test]
fn a_range_goes_to_one_of_those_that_begin_together() {
    let Some(scene) = Scene::new() else { return };
    let subnet = Some("10.90.0.0/16".parse().unwrap());
    for _ in 0..20 {
        let opened = together(&scene, 4, &Options { subnet, ..Options::default() });
        let (ours, theirs): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
        assert_eq!(ours.len(), 1, "one of them has it");
        assert!(theirs.iter().all(|error| matches!(error, Err(Error::Overlap(_)))), "{theirs:?}");
        for network in ours {
            network.unwrap().close(true).unwrap();
        }
    }
    // as many as there are ranges to begin with, and then some, meet without being told where
    let networks: Vec<_> =
        together(&scene, 24, &Options::default()).into_iter().map(Result::unwrap).collect();
    let gateways: BTreeSet<_> = networks.iter().map(|network| network.gateway().unwrap()).collect();
    assert_eq!(gateways.len(), networks.len());
    for network in networks {
        network.close(true).unwrap();
    }
    scene.assert_clean();
}

#[test]
fn a_range_that_another_took_while_the_machine_was_down_is_left_to_it() {
    let Some(scene) = Scene::new() else { return };
    let subnet = Some("10.90.0.0/16".parse().unwrap());
    let engine = scene.engine();
    drop(Network::open(&engine, Options { subnet, ..Options::default() }).unwrap());
    // a boot leaves nothing of the kernel's state, and another platform comes first
    scene::reboot();
    let other = scene.directory().join("other");
    let other = Network::open(&other, Options { subnet, ..Options::default() }).unwrap();
    let moved = Network::open(&engine, Options::default()).unwrap();
    assert_ne!(moved.gateway().unwrap(), other.gateway().unwrap());
    let refused = Network::open(&engine, Options { subnet, ..Options::default() });
    assert!(matches!(refused, Err(Error::Overlap(_))), "{refused:?}");
    drop(moved);
    let moved = Network::open(&engine, Options::default()).unwrap();
    moved.close(true).unwrap();
    other.close(true).unwrap();
    scene.assert_clean();
}
