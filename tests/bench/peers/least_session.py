"""The least that an execution in a session can be: a bare interpreter that runs what it is
sent. No jail, no limits, no output, no value, nothing to cancel. Its standard input is a
SOCK_SEQPACKET socket; what it has run it sends back."""

import socket

channel = socket.socket(fileno=0)
scope = {}
while code := channel.recv(512):
    exec(compile(code, "<execution>", "exec"), scope)
    channel.send(code)
