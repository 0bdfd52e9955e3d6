"""A Slurm of one node on loopback: munged, slurmctld and slurmd in a folder, without accounting."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from loopback import free_port

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol")
CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
GresTypes=gpu
ReturnToService=2
KillWait=60
MinJobAge=86400
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:1
PartitionName=all Nodes=ALL Default=YES State=UP
"""


def absent() -> str:
    """What is missing on this machine, in a sentence; empty where nothing is."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if missing:
        return f"Slurm's {', '.join(missing)} not installed: apt-get install slurm-wlm munge"
    return "" if os.getuid() == 0 else "slurmd starts jobs as root alone"


class Cluster:
    """Its three daemons.

    Attributes:
        variables: Under which Slurm's programs speak to it.
    """

    def __init__(self, folder: Path) -> None:
        """Write its configuration, and start it."""
        self.folder, self._daemons = folder, list[subprocess.Popen[bytes]]()
        self.variables = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder}/bin:{_path()}"}
        for name in ("state", "spool", "bin"):
            (folder / name).mkdir(parents=True)
        folder.chmod(0o755)  # munged wants others to reach its socket
        self._write()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def ask(self, *command: str) -> str:
        """What one of Slurm's programs prints."""
        return self._run(*command, check=True).stdout

    def jobs(self, rule: str, *states: str) -> list[str]:
        """Jobs in one of the states, by the rule in their comment."""
        lines = self.ask("squeue", "--noheader", f"--states={','.join(states)}", "--format=%i %k").splitlines()
        return [line.split()[0] for line in lines if rule in line]

    def stop(self) -> None:
        """End jobs and daemons."""
        for daemon in reversed(self._daemons):
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def _run(self, *command: str, check: bool) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.variables}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=check)

    def _write(self) -> None:
        host = socket.gethostname().partition(".")[0]
        ports = [free_port() for _ in range(2)]
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        text = CONFIGURATION.format(
            **{"host": host, "controller_port": ports[0], "node_port": ports[1], "user": "root", "folder": self.folder},
            **{"cpus": os.cpu_count(), "memory": memory - 64},
        )
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
        # The executor takes Slurm's variables from a job: as on a cluster, srun has to find the configuration without.
        wrapper = self.folder / "bin/srun"
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
        wrapper.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)

    def _start(self) -> None:
        names = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munge.pid", "seed-file": "munge.seed"}
        munge = [f"--{option}={self.folder / name}" for option, name in names.items()]
        self._daemon("munged", "--foreground", "--force", "--num-threads=2", *munge)
        while not (self.folder / "munge.socket").exists():
            assert self._daemons[0].poll() is None, (self.folder / "munged.log").read_text()
            time.sleep(0.1)
        self._daemon("slurmctld", "-D")
        self._daemon("slurmd", "-D")
        for _ in range(120):
            state = self._run("sinfo", "--noheader", "--format=%T", check=False)
            if state.stdout.strip() == "idle":
                return
            time.sleep(0.5)
        raise AssertionError((self.folder / "slurmctld.log").read_text() + (self.folder / "slurmd.log").read_text())

    def _daemon(self, name: str, *arguments: str) -> None:
        environment = {**os.environ, **self.variables}
        command = [str(shutil.which(name, path=_path())), *arguments]
        with open(self.folder / f"{name}.log", "wb") as log:
            self._daemons.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin"
