//! Where our own control groups are, from `/proc/self/mountinfo` and `/proc/self/cgroup` (cgroups(7)).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The directories of the caller's groups.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) v2: Option<PathBuf>,
    pub(super) memory: Option<PathBuf>,
    pub(super) cpu: Option<PathBuf>,
    pub(super) pids: Option<PathBuf>,
}

pub(super) fn places() -> io::Result<Places> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let own = fs::read_to_string("/proc/self/cgroup")?;
    Ok(parse(&mounts, &own))
}

fn parse(mounts: &str, own: &str) -> Places {
    let mut places = Places::default();
    for mount in mounts.lines().filter_map(Mount::parse) {
        match mount.kind {
            "cgroup2" => {
                let path = own.lines().find_map(|line| line.strip_prefix("0::"));
                places.v2 = places.v2.or_else(|| path.and_then(|path| mount.locate(path)));
            }
            "cgroup" => {
                for (controller, place) in
                    [("memory", &mut places.memory), ("cpu", &mut places.cpu), ("pids", &mut places.pids)]
                {
                    if place.is_none() && mount.options.split(',').any(|option| option == controller) {
                        *place = membership(own, controller).and_then(|path| mount.locate(path));
                    }
                }
            }
            _ => {}
        }
    }
    places
}

/// The path of our group in the hierarchy of a version 1 controller.
fn membership<'a>(own: &'a str, controller: &str) -> Option<&'a str> {
    own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        controllers.split(',').any(|name| name == controller).then_some(path)
    })
}

struct Mount<'a> {
    /// The directory of the hierarchy that is mounted.
    root: &'a str,
    /// Where.
    target: &'a str,
    kind: &'a str,
    /// Of the file system: names the controllers.
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let mut right = right.split(' ');
        Some(Self { root: left.next()?, target: left.next()?, kind: right.next()?, options: right.nth(1)? })
    }

    fn locate(&self, path: &str) -> Option<PathBuf> {
        let below = Path::new(path).strip_prefix(self.root).ok()?;
        Some(Path::new(self.target).join(below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_with_a_hierarchy_per_controller() {
        let mounts = "\
24 1 254:0 / / rw - ext4 /dev/vda rw
30 24 0:26 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
31 24 0:27 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
32 24 0:28 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
33 24 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";
        let own = "8:pids:/\n4:memory:/one/two\n1:cpu:/\n0::/";
        assert_eq!(
            parse(mounts, own),
            Places {
                v2: Some("/sys/fs/cgroup/unified/".into()),
                memory: Some("/sys/fs/cgroup/memory/one/two".into()),
                cpu: Some("/sys/fs/cgroup/cpu/".into()),
                pids: None,
            }
        );
    }

    #[test]
    fn version_1_in_a_container_that_sees_its_own_part() {
        let mounts = "40 24 0:28 /box/7 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct";
        let own = "3:cpu,cpuacct:/box/7/inner";
        assert_eq!(parse(mounts, own).cpu, Some("/sys/fs/cgroup/cpu,cpuacct/inner".into()));
        assert_eq!(parse(mounts, "3:cpu,cpuacct:/elsewhere").cpu, None);
    }

    #[test]
    fn version_2_alone() {
        let mounts = "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate";
        let own = "0::/user.slice/app.service";
        let places = parse(mounts, own);
        assert_eq!(places.v2, Some("/sys/fs/cgroup/user.slice/app.service".into()));
        assert_eq!((places.memory, places.cpu, places.pids), (None, None, None));
    }
}
