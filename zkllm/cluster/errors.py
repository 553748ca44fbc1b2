"""What goes wrong between processes and machines."""

from __future__ import annotations

from zkllm.errors import ZkllmError


class ClusterError(ZkllmError):
    """Ray is missing, does not answer, or its machines do not fit the work."""
