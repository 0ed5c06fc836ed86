### read_host_file
print('ESCAPED', open(DIR + '/secret').read())
### read_os_release
print('ESCAPED', open('/etc/os-release').read(20))
### list_host_folders
print('ESCAPED', os.listdir('/var'), os.listdir('/home'))
### dot_dot_to_host
print('ESCAPED', open('/tmp/' + '../' * 30 + DIR + '/secret').read())
### symlink_to_host
os.symlink(DIR + '/secret', SHM)
print('ESCAPED', open(SHM).read())
### hard_link_to_host
os.link(DIR + '/secret', f'{DIR}/open/{NAME}')
print('ESCAPED')
### write_on_host
open(DIR + '/open/file', 'w').write('x')
print('ESCAPED')
### rename_over_host_file
open(DIR + '/open/new', 'w').close()
os.rename(DIR + '/open/new', DIR + '/open/target')
print('ESCAPED')
### fifo_on_host
os.mkfifo(f'{DIR}/open/{NAME}')
print('ESCAPED')
### truncate_host_file
os.truncate(DIR + '/open/truncate', 0)
print('ESCAPED')
### root_of_init
print('ESCAPED', open(f'/proc/{os.getppid()}/root{DIR}/secret').read())
### root_of_bystander
print('ESCAPED', os.listdir(f'/proc/{PID}/root'))
### poison_library
open('/usr/lib/python3.11/os.py', 'r+').close()
print('ESCAPED')
### poison_for_all
open('/usr/local/lib/python3.11/dist-packages/sitecustomize.py', 'w').close()
print('ESCAPED')
### write_passwd
open('/etc/passwd', 'a').write('root::0:0::/:/bin/sh\n')
print('ESCAPED')
### file_in_root
os.mkdir('/x')
print('ESCAPED')
### host_devices
for path in '/dev/ptmx', '/dev/full', '/dev/fuse', '/dev/net/tun':
    if os.path.exists(path):
        os.close(os.open(path, os.O_RDWR))
        print('ESCAPED')
### raw_memory
print('ESCAPED', os.open('/dev/mem', os.O_RDONLY), os.open('/dev/kmsg', os.O_RDONLY))
### device_node
os.mknod(TMP, 0o60600, os.makedev(8, 0))
os.open(TMP, os.O_RDONLY)
print('ESCAPED')
### sys_of_host
print('ESCAPED', os.listdir('/sys/kernel'))
### write_sys
open('/sys/kernel/mm/ksm/run', 'w').write('0')
print('ESCAPED')
### write_own_cgroup: root
assert CGROUP
open(CGROUP + '/cgroup.procs', 'w').write('0')
print('ESCAPED')
### file_handle
handle = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + b'\0' * 128)
mount = ctypes.c_int()
call(303, AT_FDCWD, b'/tmp', handle, ctypes.byref(mount), 0)
print('ESCAPED')
### open_by_handle
handle = ctypes.create_string_buffer(struct.pack('IiII', 8, 1, 2, 0) + b'\0' * 128)
print('ESCAPED', call(304, os.open('/usr', os.O_RDONLY), handle, 0))
### fanotify
print('ESCAPED', call(300, 0x200, 0))
### execute_host_program
os.execv('/bin/echo', ['echo', 'ESCAPED'])
### execute_what_was_written
import shutil
shutil.copy('/lib64/ld-linux-x86-64.so.2', SHM)
os.chmod(SHM, 0o755)
child = os.fork()
if child == 0:
    os.execv(SHM, ['program', '--version'])
if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
    print('ESCAPED')
### chroot_out
os.mkdir(TMP)
os.chroot(TMP)
print('ESCAPED')
### mount_a_tmpfs
check(libc.mount(b'x', b'/tmp', b'tmpfs', 0, None))
print('ESCAPED')
### bind_mount
check(libc.mount(b'/usr', b'/tmp', None, 4096, None))
print('ESCAPED')
### root_becomes_writable
check(libc.mount(None, b'/', None, 0x1020, None))
os.mkdir('/x')
print('ESCAPED')
### unmount_proc
check(libc.umount2(b'/proc', 2))
print('ESCAPED', os.listdir('/proc'))
### pivot_root
os.mkdir(TMP)
check(libc.mount(b'x', TMP.encode(), b'tmpfs', 0, None))
os.chdir(TMP)
call(155, b'.', b'.')
print('ESCAPED')
### new_mount_calls
print('ESCAPED', call(430, b'tmpfs', 0))
### clone_of_a_tree
print('ESCAPED', call(428, AT_FDCWD, b'/usr', 1))
### mount_attributes
attr = struct.pack('QQQQ', 0, 1, 0, 0)
call(442, AT_FDCWD, b'/tmp', 0, attr, 32)
print('ESCAPED')
