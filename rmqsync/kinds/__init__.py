"""The kinds there are. The one list of them: nothing else is keyed by kind."""

from rmqsync.kinds.base import Registry
from rmqsync.kinds.binding import BINDING
from rmqsync.kinds.exchange import EXCHANGE
from rmqsync.kinds.permission import PERMISSION
from rmqsync.kinds.queue import QUEUE

KINDS = Registry((PERMISSION, EXCHANGE, QUEUE, BINDING))
