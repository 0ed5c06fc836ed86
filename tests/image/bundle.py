"""Makes of an unpacked image the bundle of a container as a kubelet would.

usage: bundle.py BUNDLE FOLDER OPTIONS [ARGUMENT...]

BUNDLE/config.json and rootfs are what `umoci unpack` made of the image: what runs,
as whom and with which environment is the image's word. FOLDER gets the bundle;
the root is shared, it is read-only. OPTIONS is JSON:

  profile     "open" or "strict", as in tests/containers/bundle.py
  cgroups     "ro" or "rw", then the container's own group is its user's
  path        that group, below each hierarchy
  entrypoint  instead of the image's; uid, groups, volumes [[source, target]]
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../containers'))
# pylint: disable=wrong-import-position
from bundle import MASKED, READ_ONLY, mount, seccomp


def mounts(options):
    return [
        mount('/proc', 'proc', 'proc'),
        mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
        mount('/dev/shm', 'tmpfs', 'shm', 'nosuid', 'noexec', 'nodev', 'mode=1777', 'size=64m'),
        mount('/sys', 'sysfs', 'sysfs', 'nosuid', 'noexec', 'nodev', 'ro'),
        mount('/sys/fs/cgroup', 'cgroup', 'cgroup', 'nosuid', 'noexec', 'nodev', 'relatime',
              options.get('cgroups', 'ro')),
        *(mount(target, 'bind', source, 'rbind', 'rw', 'nosuid', 'nodev')
          for source, target in options.get('volumes', [])),
    ]


def process(image, options, words):
    user = {'uid': image['user']['uid'], 'gid': image['user']['gid']}
    if 'uid' in options:
        user = {'uid': options['uid'], 'gid': options['uid'],
                'additionalGids': options.get('groups', [])}
    entrypoint = options.get('entrypoint') or image['args'][:1]
    return {'terminal': False, 'user': user, 'args': [*entrypoint, *words], 'env': image['env'],
            'cwd': image['cwd'], 'noNewPrivileges': True}


def hooks(options, uid):
    """What an engine that lets a container have its group does to it."""
    if options.get('cgroups') != 'rw':
        return {}
    words = ['chown', '-R', str(uid), *(f'/sys/fs/cgroup/{name}{options["path"]}'
                                        for name in ('memory', 'pids', 'cpu'))]
    return {'createRuntime': [{'path': '/bin/chown', 'args': words}]}


def config(image, root, options, words):
    run = process(image['process'], options, words)
    kinds = ('pid', 'network', 'ipc', 'uts', 'mount', 'cgroup')
    return {
        'ociVersion': '1.0.2',
        'process': run,
        'root': {'path': root, 'readonly': True},
        'hostname': 'pod',
        'mounts': mounts(options),
        'hooks': hooks(options, run['user']['uid']),
        'linux': {
            'cgroupsPath': options['path'],
            'namespaces': [{'type': kind} for kind in kinds],
            'maskedPaths': ['/sys/firmware', *(f'/proc/{name}' for name in MASKED)],
            'readonlyPaths': [f'/proc/{name}' for name in READ_ONLY],
            'seccomp': seccomp(options['profile'] == 'strict'),
        },
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
