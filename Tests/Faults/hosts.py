"""Hosts on one machine: network namespaces, each with a host name of its own, joined by a virtual switch.

mpirun reaches the others by an agent that enters their namespace, as ssh would. Nothing outside of the namespaces is changed,
and they are removed at the end. It needs root, iproute2 and util-linux."""

import os
import shutil
import subprocess

import jobs

TOOLS = ("ip", "tc", "unshare", "mpirun")
AGENT = """#!/bin/sh
# Takes the place of ssh: runs a command on the host whose address comes first.
host=$(grep "^$1 " {directory}/hosts | cut -d " " -f 2)
shift
own='test ! -d {directory}/data-'$host' || mount --bind {directory}/data-'$host' {directory}/data'
exec ip netns exec "$host" unshare -um sh -c "$own; hostname $host; "'exec sh -c "$1"' sh "$*"
"""


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def missing():
    """What is missing to make hosts; empty if nothing is."""
    tools = [tool for tool in TOOLS if shutil.which(tool) is None]
    return tools if os.geteuid() == 0 else ["root", *tools]


class Network:
    """`count` hosts, the links between them limited to `rate` each (as `tc` writes it), and the files that mpirun needs in
    `directory`."""

    def __init__(self, directory, count=2, rate=None):
        self.directory, self.rate = directory, rate
        self.names = [f"dtrain-{chr(ord('a') + number)}{os.getpid()}" for number in range(count)]
        self.switch = f"dtrain-switch{os.getpid()}"

    def addresses(self):
        """The address of each host."""
        return {name: f"10.213.7.{number + 1}" for number, name in enumerate(self.names)}

    def __enter__(self):
        run("ip", "netns", "add", self.switch)
        inside = ("ip", "netns", "exec", self.switch, "ip", "link")
        run(*inside, "add", "switch", "type", "bridge")
        run(*inside, "set", "switch", "up")
        for number, (name, address) in enumerate(self.addresses().items()):
            run("ip", "netns", "add", name)
            on_host = ("ip", "netns", "exec", name)
            run("ip", "link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", f"port{number}", "netns", self.switch)
            run(*inside, "set", f"port{number}", "master", "switch", "up")
            run(*on_host, "ip", "link", "set", "lo", "up")
            run(*on_host, "ip", "address", "add", f"{address}/24", "dev", "eth0")
            run(*on_host, "ip", "link", "set", "eth0", "up")
            if self.rate:
                # A short burst, so that small messages are not faster than the link.
                limit = ("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", self.rate, "burst", "256kb", "latency", "400ms")
                run(*on_host, *limit)
        with open(os.path.join(self.directory, "hosts"), "w") as file:
            file.writelines(f"{address} {name}\n" for name, address in self.addresses().items())
        agent = os.path.join(self.directory, "agent")
        with open(agent, "w") as file:
            file.write(AGENT.format(directory=self.directory))
        os.chmod(agent, 0o755)
        return self

    def __exit__(self, *_):
        for name in [*self.names, self.switch]:
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)

    def link(self, state):
        """Sets the link of the first host up or down."""
        run("ip", "netns", "exec", self.names[0], "ip", "link", "set", "eth0", state)

    def sent_bytes(self):
        """The bytes that each host has sent since it was made."""
        def counter(name):
            path = "/sys/class/net/eth0/statistics/tx_bytes"
            return int(subprocess.run(["ip", "netns", "exec", name, "cat", path], check=True, capture_output=True).stdout)
        return [counter(name) for name in self.names]

    def launch(self, ranks, words, settings=()):
        """The command line that runs dtrain with `words` on ranks[i] ranks of host i."""
        subnet = "10.213.7.0/24"
        options = {
            "plm_rsh_agent": os.path.join(self.directory, "agent"), "btl": "self,vader,tcp", "pml": "ob1",
            "oob_tcp_if_include": subnet, "btl_tcp_if_include": subnet, "oob_tcp_keepalive_time": 3,
            "oob_tcp_keepalive_intvl": 1, "oob_tcp_keepalive_probes": 3, **dict(settings),
        }
        hosts = ",".join(f"{address}:{count}" for address, count in zip(self.addresses().values(), ranks))
        launch = ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", str(sum(ranks)), "--host", hosts]
        launch += [word for key, value in options.items() for word in ("--mca", key, str(value))]
        launch += ["-x", jobs.MARK, jobs.binary(), *words]
        first = self.names[0]
        command = f'hostname {first}; exec "$@"'
        return ["ip", "netns", "exec", first, "unshare", "-u", "sh", "-c", command, "sh", *launch]
