"""Makes of an unpacked image the bundle of a container as a kubelet would.

usage: bundle.py BUNDLE FOLDER OPTIONS [ARGUMENT...]

BUNDLE/config.json and rootfs are what `umoci unpack` made of the image: what runs,
as whom and with which environment is the image's word. FOLDER gets the bundle;
the root is shared, it is read-only. OPTIONS is JSON:

  profile     "open" or "strict", as in tests/containers/bundle.py; or "privileged"
  cgroups     "ro" or "rw", then the container's own group is its user's
  path        that group, below each hierarchy
  version     of the control groups: 1, or 2
  network     a network namespace that is there already
  entrypoint  instead of the image's; env [[name, value]], uid, gid, groups
  volumes     [[source, target, "rw" or "ro"]]
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../containers'))
# pylint: disable=wrong-import-position
from bundle import MASKED, READ_ONLY, mount, seccomp


CAPABILITIES = (
    'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE '
    'NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO '
    'SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME '
    'SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG '
    'WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE').split()


def mounts(options):
    return [
        mount('/proc', 'proc', 'proc'),
        mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
        mount('/dev/shm', 'tmpfs', 'shm', 'nosuid', 'noexec', 'nodev', 'mode=1777', 'size=64m'),
        mount('/sys', 'sysfs', 'sysfs', 'nosuid', 'noexec', 'nodev', 'ro'),
        mount('/sys/fs/cgroup', 'cgroup', 'cgroup', 'nosuid', 'noexec', 'nodev', 'relatime',
              options.get('cgroups', 'ro')),
        *(mount(target, 'bind', source, 'rbind', mode, 'nosuid', 'nodev')
          for source, target, mode in options.get('volumes', [])),
    ]


def capabilities():
    """All that this machine's root has."""
    with open('/proc/self/status', encoding='ascii') as file:
        mask = next(int(line.split()[1], 16) for line in file if line.startswith('CapEff'))
    names = [f'CAP_{name}' for bit, name in enumerate(CAPABILITIES) if mask >> bit & 1]
    return {kind: names for kind in ('bounding', 'effective', 'permitted')}


def process(image, options, words):
    user = {'uid': options.get('uid', image['user']['uid']),
            'gid': options.get('gid', image['user']['gid']),
            'additionalGids': options.get('groups', [])}
    entrypoint = options.get('entrypoint') or image['args'][:1]
    env = [*image['env'], *(f'{name}={value}' for name, value in options.get('env', []))]
    privileged = options['profile'] == 'privileged'
    return {'terminal': False, 'user': user, 'args': [*entrypoint, *words], 'env': env,
            'cwd': image['cwd'], 'noNewPrivileges': not privileged,
            **({'capabilities': capabilities()} if privileged else {})}


def hooks(options, uid):
    """What runc does with systemd as its driver: the group is the user's."""
    if options.get('cgroups') != 'rw':
        return {}
    path = f'/sys/fs/cgroup{options["path"]}'
    if options.get('version') == 2:
        words = ['chown', str(uid), path, *(f'{path}/cgroup.{name}'
                                            for name in ('procs', 'threads', 'subtree_control'))]
    else:
        words = ['chown', '-R', str(uid), *(f'/sys/fs/cgroup/{name}{options["path"]}'
                                            for name in ('memory', 'pids', 'cpu'))]
    return {'createRuntime': [{'path': '/bin/chown', 'args': words}]}


def linux(options):
    kinds = ('pid', 'ipc', 'uts', 'mount', 'cgroup')
    network = {'type': 'network'}
    if 'network' in options:
        network['path'] = options['network']
    parts = {'cgroupsPath': options['path'],
             'namespaces': [network, *({'type': kind} for kind in kinds)]}
    if options['profile'] != 'privileged':
        parts['maskedPaths'] = ['/sys/firmware', *(f'/proc/{name}' for name in MASKED)]
        parts['readonlyPaths'] = [f'/proc/{name}' for name in READ_ONLY]
        parts['seccomp'] = seccomp(options['profile'] == 'strict')
    return parts


def config(image, root, options, words):
    run = process(image['process'], options, words)
    return {
        'ociVersion': '1.0.2',
        'process': run,
        'root': {'path': root, 'readonly': True},
        'hostname': 'pod',
        'mounts': mounts(options),
        'hooks': hooks(options, run['user']['uid']),
        'linux': linux(options),
    }


def main():
    bundle, folder, options, *words = sys.argv[1:]
    with open(os.path.join(bundle, 'config.json'), encoding='utf-8') as file:
        image = json.load(file)
    root = os.path.join(bundle, 'rootfs')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'config.json'), 'w', encoding='utf-8') as file:
        json.dump(config(image, root, json.loads(options), words), file)


if __name__ == '__main__':
    main()
