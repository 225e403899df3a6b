//! Which system calls a run may not make: those that change the machine, reach into other processes, or open parts
//! of the kernel that no job needs. They fail with `EPERM`, as they do without privileges.
//!
//! It is a second wall. Without capabilities most of these fail anyway.

use std::io;

use libc::{c_long, sock_filter};

use crate::spec::Tier;
use crate::sys;

/// Refused in every tier.
const DENIED: &[c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_nfsservctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pivot_root,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
];

/// Refused where a run shares its process numbers and its user with others.
const DENIED_WITHOUT_NAMESPACES: &[c_long] = &[
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
];

/// `clone` with any of these makes a namespace.
const NAMESPACES: u32 = (libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWUTS)
    .cast_unsigned();

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

/// Offsets in `struct seccomp_data` (seccomp(2)); the low half of an argument comes first on both machines.
const NUMBER: u32 = 0;
const MACHINE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Installs the filter for this process and all that it starts, for ever. Needs `no_new_privs`.
pub(crate) fn install(tier: Tier) -> io::Result<()> {
    sys::install_filter(&program(tier))
}

fn program(tier: Tier) -> Vec<sock_filter> {
    let mut program = vec![
        load(MACHINE),
        // calls of another instruction set would go around every number below
        jump(libc::BPF_JEQ, ARCHITECTURE, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(NUMBER),
        // so would those of x32, which have bit 30 set
        jump(libc::BPF_JGE, 0x4000_0000, 0, 1),
        answer(errno(libc::ENOSYS)),
    ];
    // its flags are in memory, where a filter cannot look; the C library falls back to clone
    refuse(&mut program, libc::SYS_clone3, libc::ENOSYS);
    let more = if tier == Tier::Process { DENIED_WITHOUT_NAMESPACES } else { &[] };
    for number in DENIED.iter().chain(more) {
        refuse(&mut program, *number, libc::EPERM);
    }
    refuse_when(&mut program, libc::SYS_clone, 0, Test::AnyBit(NAMESPACES));
    // typing into the terminal of whoever started us
    refuse_when(&mut program, libc::SYS_ioctl, 1, Test::Equal(0x5412));
    refuse_when(&mut program, libc::SYS_ioctl, 1, Test::Equal(0x541c));
    // reach the host past the network namespace, or kernel parsers that no job needs
    for family in [libc::AF_VSOCK, libc::AF_ALG, libc::AF_PACKET, libc::AF_KEY] {
        refuse_when(&mut program, libc::SYS_socket, 0, Test::Equal(family.cast_unsigned()));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

/// A test on the low half of an argument.
#[derive(Clone, Copy)]
enum Test {
    AnyBit(u32),
    Equal(u32),
}

fn refuse(program: &mut Vec<sock_filter>, number: c_long, error: i32) {
    let Ok(number) = u32::try_from(number) else { return };
    program.push(jump(libc::BPF_JEQ, number, 0, 1));
    program.push(answer(errno(error)));
}

fn refuse_when(program: &mut Vec<sock_filter>, number: c_long, argument: u32, test: Test) {
    let Ok(number) = u32::try_from(number) else { return };
    let (operation, value) = match test {
        Test::AnyBit(bits) => (libc::BPF_JSET, bits),
        Test::Equal(value) => (libc::BPF_JEQ, value),
    };
    program.extend([
        jump(libc::BPF_JEQ, number, 0, 4),
        load(ARGUMENTS + 8 * argument),
        jump(operation, value, 0, 1),
        answer(errno(libc::EPERM)),
        load(NUMBER),
    ]);
}

const fn errno(error: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | error.cast_unsigned()
}

#[expect(clippy::cast_possible_truncation, reason = "operation codes are 16 bits by definition")]
const fn statement(code: u32, value: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k: value }
}

fn load(offset: u32) -> sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

fn answer(value: u32) -> sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, value)
}

/// Skips `yes` instructions where the test holds, else `no`.
fn jump(test: u32, value: u32, yes: u8, no: u8) -> sock_filter {
    sock_filter { jt: yes, jf: no, ..statement(libc::BPF_JMP | test | libc::BPF_K, value) }
}
