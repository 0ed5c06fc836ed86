### service_on_loopback
socket.create_connection(('127.0.0.1', PORT), 2)
print('ESCAPED')
### service_on_loopback_by_udp
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(('127.0.0.1', PORT))
s.send(b'x')
print('ESCAPED')
### metadata_address
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(('169.254.169.254' if ROUTED else '127.0.0.1', 80))
s.send(b'GET /latest/meta-data')
print('ESCAPED')
### listen_for_others
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen()
print('ESCAPED')
### ipv6
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(('::', 0))
print('ESCAPED')
### loopback_up
import fcntl
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', b'lo', 0x49))
socket.socket().bind(('127.0.0.1', 0))
print('ESCAPED')
### raw_socket
print('ESCAPED', socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
### packet_socket
print('ESCAPED', socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
### netlink
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
s.bind((0, 0))
print('ESCAPED')
### interfaces
print('ESCAPED', socket.if_nameindex())
### vsock
print('ESCAPED', socket.socket(40, socket.SOCK_STREAM))
### kernel_crypto
print('ESCAPED', socket.socket(38, socket.SOCK_SEQPACKET))
### socket_of_daemon
s = socket.socket(socket.AF_UNIX)
s.connect(DIR + '/socket')
print('ESCAPED')
### socket_of_daemon_by_pair
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
a.connect(DIR + '/datagrams')
print('ESCAPED')
### abstract_socket_of_host
s = socket.socket(socket.AF_UNIX)
s.connect('\0' + ABSTRACT)
print('ESCAPED')
### abstract_socket_of_other_worker
s = socket.socket(socket.AF_UNIX)
s.connect('\0' + ABSTRACT + '-victim')
print('ESCAPED')
