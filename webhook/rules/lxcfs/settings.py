"""The shape of a LxcfsInjection document.

Only names, types and defaults; what no model can say is checked in `parsing.py`.
"""

from __future__ import annotations

from typing import Literal

from webhook.rules.schema import Metadata, Model, Phase


class Containers(Model):
    """Which containers are left alone, whatever their Pod says."""

    skip: tuple[str, ...] = ()
    """Globs of names."""
    skip_images: tuple[str, ...] = ()
    """Globs of images: runtimes that read cgroups themselves need no lxcfs."""
    init: bool = False
    """Also mount into ordinary init containers; sidecars always have the mounts."""


class Pods(Model):
    """Which Pods are left alone."""

    skip_daemon_sets: bool = True
    """Agents want the numbers of the node."""
    allow_shared: bool = False
    """Mount although shareProcessNamespace makes lxcfs give wrong numbers."""
    skip_runtime_classes: tuple[str, ...] = ("kata*", "gvisor", "runsc", "sysbox*", "wasm*")
    """Globs of runtimeClassName."""
    virtual_nodes: tuple[str, ...] = (
        "type=virtual-kubelet",
        "kubernetes.io/role=agent",
        "virtual-kubelet.io/provider=*",
    )
    """Globs of key=value in nodeSelector and tolerations that mean a virtual node."""
    lxcfs_labels: tuple[str, ...] = ("app=lxcfs", "app.kubernetes.io/name=lxcfs", "name=lxcfs")
    """Labels, key=value, of the Pods that run lxcfs itself."""
    only_with_limits: bool = False
    """Leave out Pods in which nothing has a limit of CPU or memory."""


class PodSecurity(Model):
    """What becomes of Pods in Namespaces that enforce baseline or restricted: no hostPath there."""

    action: Literal["skip", "inject", "deny"] = "skip"
    exempt: tuple[str, ...] = ()
    """Globs of Namespaces that the Pod Security configuration exempts."""


class LxcfsInjectionSpec(Model):
    """Which files of lxcfs are mounted, and where."""

    phase: Phase = "enforce"
    default_enabled: bool = False
    """Whether Namespaces without the label PREFIX/lxcfs are enabled."""
    aliases: bool = True
    """Whether the labels of two other webhooks enable a Namespace as well."""
    allow_pod_opt_in: bool = True
    """Whether the annotation PREFIX/lxcfs enables a Pod in a Namespace that is not enabled."""
    opt_out_by: Literal["anyone", "operator", "platform"] = "anyone"
    """Who may leave Pods or containers out by annotation."""
    profile: Literal["standard", "compat-denverdino", "custom"] = "standard"
    loadavg: bool = False
    """Add /proc/loadavg; lxcfs must run with -l."""
    diskstats: bool = False
    """Add /proc/diskstats; only with cgroup v1 and lxcfs before 7."""
    files: tuple[str, ...] = ()
    """The files of profile custom, as paths in the container."""
    lxcfs_version: str | None = None
    """The version on the nodes, such as 6.0: files that it lacks are left out of profiles."""
    cgroups: Literal["v1", "hybrid", "v2"] | None = None
    """The cgroups of the nodes: with v2, files that then show the node's content are left out."""
    runtime_profile: Literal["runc", "old-runc"] = "runc"
    """old-runc: builds before August 2018, which refuse to mount some files."""
    allow_unsafe: bool = False
    """Accept files that break containers or show what they should not."""
    root: str = "/var/lib/lxcfs"
    """Where lxcfs is mounted on the nodes."""
    reattach: bool = False
    """Also mount the parent directory, so that an agent can mount again after a restart."""
    reattach_root: str = "/var/lib/lxcfs-on-k8s"
    """With reattach: the directory that holds only the mount point `lxcfs`, instead of root."""
    host_path_type: Literal["File", ""] = "File"
    """File: Pods wait for lxcfs. Empty: the kubelet does not look (Talos and alike)."""
    require_node: Literal["none", "preferred", "required"] = "none"
    """Node affinity on the label PREFIX/lxcfs-ready=true."""
    containers: Containers = Containers()
    pods: Pods = Pods()
    pod_security: PodSecurity = PodSecurity()
    marker: bool = False
    """Write the annotation injected-lxcfs, for people; nothing reads it."""


class LxcfsInjectionDocument(Model):
    """Mounts that show containers of new Pods their own CPU and memory."""

    api_version: Literal["propylon.dev/v1"]
    kind: Literal["LxcfsInjection"]
    metadata: Metadata
    spec: LxcfsInjectionSpec = LxcfsInjectionSpec()
