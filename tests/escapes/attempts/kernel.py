### user_namespace
check(libc.unshare(0x10000000))
print('ESCAPED')
### user_namespace_by_clone
pid = call(56, 0x10000011, 0, 0, 0, 0)
if pid == 0:
    os._exit(0)
print('ESCAPED')
### user_namespace_by_clone3
args = struct.pack('QQQQQQQQ', 0x10000000, 0, 0, 0, 17, 0, 0, 0)
pid = call(435, args, len(args))
if pid == 0:
    os._exit(0)
print('ESCAPED')
### mount_namespace
check(libc.unshare(0x20000))
print('ESCAPED')
### time_namespace
check(libc.unshare(0x80))
print('ESCAPED')
### join_own_namespace
check(libc.setns(os.open('/proc/self/ns/uts', os.O_RDONLY), 0))
print('ESCAPED')
### join_namespace_of_bystander
check(libc.setns(os.pidfd_open(PID), 0x40000000))
print('ESCAPED')
### io_uring
print('ESCAPED', call(425, 4, ctypes.create_string_buffer(120)))
### bpf
attr = ctypes.create_string_buffer(struct.pack('IIIII', 2, 4, 8, 1, 0), 128)
print('ESCAPED', call(321, 0, attr, 72))
### userfaultfd
print('ESCAPED', call(323, 1))
### perf
attr = ctypes.create_string_buffer(struct.pack('IIQQQQQ', 1, 112, 0, 0, 0, 0, 0x63), 112)
print('ESCAPED', call(298, attr, 0, -1, -1, 0))
### descriptor_table
call(154, 0, ctypes.create_string_buffer(16), 16)
print('ESCAPED')
### splice
a, b = os.pipe(), os.pipe()
os.write(a[1], b'x')
print('ESCAPED', os.splice(a[0], b[1], 1))
### vmsplice
a = os.pipe()
page = ctypes.create_string_buffer(4096)
print('ESCAPED', call(278, a[1], (ctypes.c_size_t * 2)(ctypes.addressof(page), 4096), 1, 0))
### fixed_addresses
call(135, 0x40000)
print('ESCAPED')
### own_filter
call(317, 1, 0, struct.pack('HxxxxxxQ', 1, addressof(struct.pack('HBBI', 6, 0, 0, 0x7fff0000))))
print('ESCAPED')
### notifying_filter
call(317, 1, 8, struct.pack('HxxxxxxQ', 1, addressof(struct.pack('HBBI', 6, 0, 0, 0x7fff0000))))
print('ESCAPED')
### own_rule_set
print('ESCAPED', call(444, struct.pack('Q', 1), 8, 0))
### calls_of_i386
libc.mmap.restype = ctypes.c_void_p
page = libc.mmap(None, 4096, 7, 0x22, -1, 0)
ctypes.memmove(page, b'\xb8\x14\0\0\0\xcd\x80\xc3', 8)
print('ESCAPED', ctypes.CFUNCTYPE(ctypes.c_int)(page)())
### fresh_program_from_memory
f = os.memfd_create('x')
code = bytes.fromhex('bf00000010' 'b810010000' '0f05' '31ff' '85c0' '7505' 'bf2a000000' 'b83c000000' '0f05')
head = b'\x7fELF\2\1\1' + b'\0' * 9 + struct.pack(
    'HHIQQQIHHHHHH', 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
size = 120 + len(code)
part = struct.pack('IIQQQQQQ', 1, 5, 0, 0x400000, 0x400000, size, size, 4096)
os.write(f, head + part + code)
pid = os.fork()
if pid == 0:
    os.execve(f, ['x'], {})
# 42: it could make a user namespace
if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42:
    print('ESCAPED')
### adjust_clock
print('ESCAPED', call(159, ctypes.create_string_buffer(256)))
### set_clock
call(227, 0, struct.pack('qq', 1, 0))
print('ESCAPED')
### set_time_of_day
call(164, struct.pack('qq', 1, 0), None)
print('ESCAPED')
### kernel_log
print('ESCAPED', call(103, 10, None, 0))
### disk_quota
call(179, 0x800001 << 8 & 0xffffffff, None, 0, None)
print('ESCAPED')
### file_system_types
print('ESCAPED', call(139, 3))
### file_system_statistics
call(136, os.stat('/tmp').st_dev, ctypes.create_string_buffer(64))
print('ESCAPED')
### io_privilege
call(172, 0)
print('ESCAPED')
### io_ports
call(173, 0x80, 1, 1)
print('ESCAPED')
### swap
call(167, TMP.encode(), 0)
print('ESCAPED')
### accounting
call(163, TMP.encode())
print('ESCAPED')
### module
call(175, b'x', 1, b'')
print('ESCAPED')
### module_from_file
call(313, os.memfd_create('m'), b'', 0)
print('ESCAPED')
### kexec
call(246, 0, 0, None, 0)
print('ESCAPED')
### reboot
try:
    call(169, 0xfee1dead, 672274793, 0, None)
except OSError as e:
    # behind the question of capabilities, in a pid namespace
    print('ESCAPED' if e.errno == errno.EINVAL else e)
### nfs_server
call(180, 0, None, None)
print('ESCAPED')
### sysrq
open('/proc/sysrq-trigger', 'w').write('h')
print('ESCAPED')
### write_sysctl
open('/proc/sys/vm/overcommit_memory', 'w').write('0')
print('ESCAPED')
### read_sysctl
print('ESCAPED', open('/proc/sys/kernel/osrelease').read())
### kernel_command_line
print('ESCAPED', open('/proc/cmdline').read())
### dumpable
check(libc.prctl(4, 1, 0, 0, 0))
print('ESCAPED')
### mergeable_memory
check(libc.prctl(67, 1, 0, 0, 0))
print('ESCAPED')
### memory_layout
check(libc.prctl(35, 14, 0, 0, 0) if libc.prctl(35, 8, 0, 0, 0) else 0)
print('ESCAPED')
### numa_policy
call(238, 0, None, 0)
print('ESCAPED')
