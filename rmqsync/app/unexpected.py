"""What a result says of an error that may end one change, or one cluster, and nothing else."""

from __future__ import annotations

import logging

from rmqsync.model.defects import briefly, trace
from rmqsync.model.errors import RmqsyncError

logger = logging.getLogger(__name__)


def told(cluster: str, error: Exception) -> str:
    """
    Return a reason: the message of an error of ours, no value of any other.

    Where one that nobody expected comes from is logged as well.
    """
    if isinstance(error, RmqsyncError):
        return str(error)
    logger.error("a defect cluster=%s\n%s", cluster, trace(error))
    return briefly(error)
