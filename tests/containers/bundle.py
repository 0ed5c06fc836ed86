"""Makes the bundle of an unprivileged container in a folder, for runc.

usage: bundle.py FOLDER PROFILE PROGRAM [ARGUMENT...]

FOLDER/rootfs/project is there already. PROFILE: "open", the engines' default
list of system calls, or "strict", the same as Docker and containerd have it,
who let nobody make a namespace that isn't privileged.
"""
import json
import os
import sys

SECCOMP = '/usr/share/containers/seccomp.json'
ARCHITECTURE = 'SCMP_ARCH_X86_64' if os.uname().machine == 'x86_64' else 'SCMP_ARCH_AARCH64'
# Of this container alone: the kernel counts processes by user on the whole machine.
USER = 20000 + os.getpid() % 40000
# The kernel's, of clone(2) and unshare(2).
ANY_NAMESPACE = 0x7e020000
FORBIDDEN = ['unshare', 'setns', 'mount', 'umount2', 'pivot_root', 'fsopen', 'fsmount', 'fsconfig',
             'move_mount', 'open_tree', 'mount_setattr', 'bpf', 'perf_event_open']
LINKS = {'bin': 'usr/bin', 'lib': 'usr/lib', 'lib64': 'usr/lib64', 'sbin': 'usr/sbin'}
MASKED = ['acpi', 'asound', 'kcore', 'keys', 'latency_stats', 'timer_list', 'timer_stats',
          'sched_debug', 'scsi']
READ_ONLY = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger']


def applies(rule):
    """Without capabilities, and on this processor."""
    includes = rule.get('includes') or {}
    excludes = rule.get('excludes') or {}
    machine = 'amd64' if ARCHITECTURE.endswith('X86_64') else 'arm64'
    return (not includes.get('caps') and machine in includes.get('arches', [machine]) and
            machine not in excludes.get('arches', []))


def plain(rule, names):
    """As runc takes it."""
    kept = {'names': names, 'action': rule['action'], 'args': rule.get('args') or []}
    if rule.get('errnoRet') is not None:
        kept['errnoRet'] = rule['errnoRet']
    return kept


def seccomp(strict):
    with open(SECCOMP, encoding='utf-8') as file:
        profile = json.load(file)
    taken = {*FORBIDDEN, 'clone', 'clone3'} if strict else set()
    rules = []
    for rule in profile['syscalls']:
        names = [name for name in rule['names'] if name not in taken]
        if applies(rule) and names:
            rules.append(plain(rule, names))
    if strict:
        rules += [
            {'names': FORBIDDEN, 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 1},
            {'names': ['clone'], 'action': 'SCMP_ACT_ALLOW', 'args': [
                {'index': 0, 'value': ANY_NAMESPACE, 'valueTwo': 0, 'op': 'SCMP_CMP_MASKED_EQ'}]},
            {'names': ['clone3'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 38},
        ]
        default = 1
    else:
        default = profile.get('defaultErrnoRet', 1)
    return {'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrnoRet': default,
            'architectures': [ARCHITECTURE], 'syscalls': rules}


def mount(destination, kind, source, *options):
    return {'destination': destination, 'type': kind, 'source': source, 'options': list(options)}


def bind(path):
    return mount(path, 'bind', path, 'rbind', 'ro', 'nosuid', 'nodev')


def mounts():
    return [
        mount('/proc', 'proc', 'proc'),
        mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
        mount('/dev/shm', 'tmpfs', 'shm', 'nosuid', 'noexec', 'nodev', 'mode=1777', 'size=64m'),
        mount('/tmp', 'tmpfs', 'tmp', 'nosuid', 'nodev', 'mode=1777'),
        mount('/sys', 'sysfs', 'sysfs', 'nosuid', 'noexec', 'nodev', 'ro'),
        mount('/sys/fs/cgroup', 'cgroup', 'cgroup', 'nosuid', 'noexec', 'nodev', 'relatime', 'ro'),
        bind('/usr'),
        bind('/etc'),
    ]


def config(profile, words):
    return {
        'ociVersion': '1.0.2',
        'process': {
            'terminal': False,
            'user': {'uid': USER, 'gid': USER},
            'args': words,
            'env': ['PATH=/usr/bin:/bin', 'HOME=/tmp', 'TMPDIR=/tmp', 'LC_ALL=C.UTF-8'],
            'cwd': '/project',
            'noNewPrivileges': True,
        },
        'root': {'path': 'rootfs', 'readonly': True},
        'hostname': 'container',
        'mounts': mounts(),
        'linux': {
            'namespaces': [{'type': kind} for kind in
                           ('pid', 'network', 'ipc', 'uts', 'mount')],
            'maskedPaths': ['/sys/firmware', *(f'/proc/{name}' for name in MASKED)],
            'readonlyPaths': [f'/proc/{name}' for name in READ_ONLY],
            'seccomp': seccomp(profile == 'strict'),
        },
    }


def main():
    folder, profile, *words = sys.argv[1:]
    root = os.path.join(folder, 'rootfs')
    for name in ('proc', 'dev', 'tmp', 'sys', 'usr', 'etc'):
        os.makedirs(os.path.join(root, name), exist_ok=True)
    # runc gives a tmpfs the mode of what it covers.
    os.chmod(os.path.join(root, 'tmp'), 0o1777)
    for name, target in LINKS.items():
        os.symlink(target, os.path.join(root, name))
    with open(os.path.join(folder, 'config.json'), 'w', encoding='utf-8') as file:
        json.dump(config(profile, words), file)


if __name__ == '__main__':
    main()
