"""The kinds there are. The one list of them: nothing else is keyed by kind."""

from rmqsync.kinds.binding import BINDING
from rmqsync.kinds.exchange import EXCHANGE
from rmqsync.kinds.federation_upstream import FEDERATION_UPSTREAM
from rmqsync.kinds.federation_upstream_set import FEDERATION_UPSTREAM_SET
from rmqsync.kinds.global_parameter import GLOBAL_PARAMETER
from rmqsync.kinds.operator_policy import OPERATOR_POLICY
from rmqsync.kinds.parameter import PARAMETER
from rmqsync.kinds.permission import PERMISSION
from rmqsync.kinds.policy import POLICY
from rmqsync.kinds.queue import QUEUE
from rmqsync.kinds.registry import Registry
from rmqsync.kinds.shovel import SHOVEL
from rmqsync.kinds.topic_permission import TOPIC_PERMISSION
from rmqsync.kinds.user import USER
from rmqsync.kinds.user_limit import USER_LIMIT
from rmqsync.kinds.vhost import VHOST
from rmqsync.kinds.vhost_limit import VHOST_LIMIT

KINDS = Registry(
    (
        VHOST,
        USER,
        VHOST_LIMIT,
        USER_LIMIT,
        PERMISSION,
        GLOBAL_PARAMETER,
        PARAMETER,
        OPERATOR_POLICY,
        POLICY,
        EXCHANGE,
        TOPIC_PERMISSION,
        QUEUE,
        BINDING,
        FEDERATION_UPSTREAM,
        FEDERATION_UPSTREAM_SET,
        SHOVEL,
    )
)
