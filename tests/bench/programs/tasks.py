"""Objects, methods and a queue: tasks that pass packets to each other."""


class Packet:
    def __init__(self, kind, value):
        self.kind = kind
        self.value = value


class Task:
    def __init__(self, name):
        self.name = name
        self.inbox = []
        self.handled = 0

    def send(self, packet):
        self.inbox.append(packet)

    def step(self, others):
        if not self.inbox:
            return False
        packet = self.inbox.pop()
        self.handled += 1
        return self.handle(packet, others)

    def handle(self, packet, others):
        raise NotImplementedError


class Worker(Task):
    def handle(self, packet, others):
        packet.value = (packet.value * 31 + len(self.name)) % 1000003
        others[packet.value % len(others)].send(packet)
        return True


class Device(Task):
    def handle(self, packet, others):
        packet.kind ^= 1
        others[(packet.value + packet.kind) % len(others)].send(packet)
        return True


def run():
    tasks = [(Worker if i % 3 else Device)("task%d" % i) for i in range(12)]
    for i in range(24):
        tasks[i % 12].send(Packet(i & 1, i * 7919))
    steps = 0
    while steps < 400000:
        for task in tasks:
            task.step(tasks)
            steps += 1
    return sum(task.handled for task in tasks)
