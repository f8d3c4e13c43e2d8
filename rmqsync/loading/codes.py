"""
Codes of the findings that compiling layers can give.

====== =========================================================================================
code   what it says
====== =========================================================================================
RMQ005 something that this object needs is not declared
RMQ006 something that this object names is not declared, which the broker can live with
RMQ007 a password or a URI with credentials in plain text
RMQ008 a secret that the settings do not know
RMQ009 a secret that is not meant for this object
RMQ011 `${name}` names no variable, or is never closed
RMQ012 an object without a vhost
RMQ013 the same object twice in one layer
RMQ014 a required field is missing in what all layers together say
RMQ015 an object outside the scope of the cluster
RMQ016 a key that only a broker's export may have
RMQ017 an entry of `removed:` that names no object, or one twice, or contradicts itself
RMQ018 `omit: true` of something that no earlier layer declared
RMQ019 something was left out: the broker's own, a plugin's or a client's
RMQ020 `{secret: NAME}` where no secret can be
RMQ028 the user that rmqsync logs in as, or its rights
RMQ037 `state: absent` of what is never deleted
RMQ029 `removed:` of something that is declared
RMQ030 `omit` and `state: absent` in one entry
RMQ098 a secret without a value
====== =========================================================================================
"""

from rmqsync.kinds.exchange import NULL_ARGUMENT

VARIABLE = "RMQ011"
NO_VHOST = "RMQ012"
TWICE = "RMQ013"
MISSING = "RMQ014"
OUT_OF_SCOPE = "RMQ015"
EXPORT_ONLY = "RMQ016"
REMOVED = "RMQ017"
OMITS_NOTHING = "RMQ018"
LEFT_OUT = "RMQ019"
UNDECLARED = "RMQ005"
DANGLING = "RMQ006"
PLAIN_SECRET = "RMQ007"
UNKNOWN_SECRET = "RMQ008"
FOREIGN_SECRET = "RMQ009"
MISPLACED_SECRET = "RMQ020"
OWN_USER = "RMQ028"
NEVER_ABSENT = "RMQ037"
REMOVED_DECLARED = "RMQ029"
CONTRADICTION = "RMQ030"
UNSET_SECRET = "RMQ098"

FOLLOW_ON = frozenset({MISSING, OMITS_NOTHING, NULL_ARGUMENT})
"""What may be said only because another file could not be read."""
