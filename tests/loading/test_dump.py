"""What an exported tree looks like."""

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.loading.dump import TreeOptions, tree
from rmqsync.loading.scope import Scope
from rmqsync.model.definitions import Live

HASH = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
URI = "amqps://fed:s3cret@mq.example:5671"


def rows(**entries):
    """Rows by kind, of entries as people write them; bindings and the like by themselves."""
    found = {}
    for name, written in entries.items():
        kind = KINDS[name]
        made = [kind.complete(one) for entry in written for one in kind.expand(kind.shape(entry))]
        found[name] = {kind.key(row): row for row in made}
    return found


def dump(version=(4, 0, 5), options=None, default_types=None, **entries):
    types = default_types or {}
    context = Context(version=version, default_queue_types=types)
    live = Live(rows(**entries), "…", default_queue_types=types)
    return tree(live, KINDS, context, options or TreeOptions())


def left_out(made):
    return {finding.address: finding.message.split(": ", 1)[1] for finding in made.findings}


SHOP = {"vhost": "shop"}


def queue(name="qu.order.crm", **fields):
    return {**SHOP, "name": name, **fields}


def binding(source="ex.order", destination="qu.order.crm", **fields):
    return {**SHOP, "source": source, "destination": destination, **fields}


def test_a_whole_cluster_reads_as_if_written_by_hand():
    made = dump(
        vhost=[
            {"name": "/"},
            {"name": "shop", "description": "Orders", "tags": [], "tracing": False},
        ],
        vhost_limit=[{"vhost": "shop", "max-queues": 50}],
        user=[{"name": "order-svc", "tags": [], "password_hash": HASH}],
        permission=[{**SHOP, "user": "order-svc", "configure": "", "write": "^ex", "read": "^qu"}],
        topic_permission=[
            {**SHOP, "user": "order-svc", "exchange": "ex.order", "write": "^order", "read": ""}
        ],
        exchange=[{**SHOP, "name": "ex.order", "type": "topic"}],
        queue=[queue(arguments={"x-queue-type": "quorum", "x-delivery-limit": 5})],
        binding=[
            binding(routing_key="order.#"),
            binding(routing_key="*.vip.#"),
            binding("amq.headers", arguments={"a": "b", "x-match": "any"}),
        ],
        policy=[{**SHOP, "name": "ttl", "pattern": "^qu", "definition": {"message-ttl": 60000}}],
        operator_policy=[{**SHOP, "name": "cap", "pattern": "", "definition": {"max-length": 9}}],
        federation_upstream=[{**SHOP, "name": "site-b", "uri": URI, "max-hops": 2}],
        global_parameter=[{"name": "team", "value": {"mail": "mq@example.com"}}],
    )

    assert made.findings == ()
    assert made.files == {
        "global_parameters.yaml": """\
global_parameters:
  - name: team
    value: {mail: mq@example.com}
""",
        "users.yaml": """\
users:
  - name: order-svc
    password_hash: {secret: order_svc_password_hash}
    permissions:
      - {vhost: shop, configure: '', write: ^ex, read: ^qu}
    topic_permissions:
      - {vhost: shop, exchange: ex.order, write: ^order, read: ''}
""",
        "_default/vhost.yaml": """\
vhosts:
  - name: /
""",
        "shop/vhost.yaml": """\
vhosts:
  - name: shop
    description: Orders
    limits: {max-queues: 50}
""",
        "shop/exchanges.yaml": """\
vhost: shop

exchanges:
  - name: ex.order
    type: topic
""",
        "shop/queues.yaml": """\
vhost: shop

queues:
  - name: qu.order.crm
    type: quorum
    arguments: {x-delivery-limit: 5}
    bindings:
      - source: amq.headers
        arguments: {x-match: any, a: b}
      - {source: ex.order, routing_keys: ['*.vip.#', order.#]}
""",
        "shop/policies.yaml": """\
vhost: shop

policies:
  - name: ttl
    pattern: ^qu
    definition: {message-ttl: 60000}

operator_policies:
  - name: cap
    pattern: ''
    definition: {max-length: 9}
""",
        "shop/federation.yaml": """\
vhost: shop

federation_upstreams:
  - name: site-b
    uri: {secret: shop_federation_upstream_site_b_uri}
    max-hops: 2
""",
    }
    assert {name: (one.value, one.address) for name, one in made.secrets.items()} == {
        "order_svc_password_hash": (HASH, "user:order-svc"),
        "shop_federation_upstream_site_b_uri": (URI, "federation_upstream:shop/site-b"),
    }
    assert made.counts["binding"] == 3


def test_bindings_to_exchanges_that_nobody_declares_have_a_file_of_their_own():
    made = dump(
        vhost=[{"name": "shop"}],
        exchange=[{**SHOP, "name": "ex.order", "type": "topic"}],
        binding=[
            binding(destination="amq.fanout", destination_type="exchange", routing_key="a"),
            binding(destination="amq.fanout", destination_type="exchange", routing_key="b"),
            binding(source="amq.topic", destination="ex.order", destination_type="exchange"),
        ],
    )

    assert made.files["shop/bindings.yaml"].endswith("""
bindings:
  - source: ex.order
    destination_type: exchange
    destination: amq.fanout
    routing_keys: [a, b]
""")
    assert "bindings:\n      - {source: amq.topic}" in made.files["shop/exchanges.yaml"]


TYPES = {"shop": "quorum"}


@pytest.mark.parametrize(
    ("version", "default_types", "arguments", "written"),
    [
        pytest.param((3, 10, 8), {}, {}, "", id="3.10: none"),
        pytest.param((3, 10, 8), {}, "classic", "type: classic", id="3.10: classic"),
        pytest.param((3, 10, 8), {}, "quorum", "type: quorum", id="3.10: quorum"),
        pytest.param(
            (3, 10, 8), TYPES, {}, "type: classic", id="3.10: a PUT without would be quorum"
        ),
        pytest.param((4, 0, 5), {}, "classic", "", id="4: what it would be anyway"),
        pytest.param((4, 0, 5), {}, "quorum", "type: quorum", id="4: quorum"),
        pytest.param((4, 0, 5), TYPES, "classic", "type: classic", id="4: not the default"),
        pytest.param((4, 0, 5), TYPES, "quorum", "type: quorum", id="4: the default, told"),
        pytest.param((4, 3, 6), {}, "stream", "type: stream", id="4: stream"),
        pytest.param(None, {}, "classic", "type: classic", id="of unknown version"),
    ],
)
def test_the_type_of_a_queue_is_told_unless_it_goes_without_saying(
    version, default_types, arguments, written
):
    arguments = {"x-queue-type": arguments} if arguments else {}

    made = dump(
        version,
        default_types=default_types,
        vhost=[{"name": "shop"}],
        queue=[queue("q", arguments=arguments)],
    )

    expected = [
        "vhost: shop",
        "",
        "queues:",
        "  - name: q",
        *([f"    {written}"] if written else []),
    ]
    assert made.files["shop/queues.yaml"].splitlines() == expected


@pytest.mark.parametrize(
    ("types", "written"),
    [
        pytest.param({"shop": "classic"}, False, id="all classic: what a node makes of them"),
        pytest.param({"shop": "classic", "/": "quorum"}, True, id="mixed"),
    ],
)
def test_the_default_type_of_a_vhost_is_told_unless_all_are_classic(types, written):
    vhosts = [{"name": name, "default_queue_type": kind} for name, kind in types.items()]

    made = dump(default_types=types, vhost=vhosts)

    assert ("default_queue_type" in made.files["shop/vhost.yaml"]) is written


def test_a_new_broker_describes_its_own_vhost_and_no_other():
    vhosts = [{"name": name, "description": "", "tags": []} for name in ("/", "shop")]

    made = dump(vhost=vhosts)

    assert made.files["_default/vhost.yaml"].endswith("  - name: /\n    description: ''\n")
    assert made.files["shop/vhost.yaml"].endswith("  - name: shop\n")


def test_the_schema_is_named_as_seen_from_each_file():
    options = TreeOptions(schema="schemas/definitions.schema.json")
    made = dump(options=options, vhost=[{"name": "shop"}], user=[{"name": "a", "tags": []}])

    heads = {path: text.splitlines()[0] for path, text in made.files.items()}
    assert heads == {
        "users.yaml": "# yaml-language-server: $schema=schemas/definitions.schema.json",
        "shop/vhost.yaml": "# yaml-language-server: $schema=../schemas/definitions.schema.json",
    }


def test_a_url_of_the_schema_is_the_same_in_each_file():
    options = TreeOptions(schema="https://example.com/s.json")

    made = dump(options=options, vhost=[{"name": "shop"}])

    head = made.files["shop/vhost.yaml"].splitlines()[0]
    assert head == "# yaml-language-server: $schema=https://example.com/s.json"


def test_what_looks_like_a_variable_is_escaped_in_values_and_left_in_keys():
    made = dump(global_parameter=[{"name": "${a}", "value": {"${b}": "$${c}"}}])

    assert made.files["global_parameters.yaml"].endswith("""\
  - name: $${a}
    value: {'${b}': '$$${c}'}
""")


def test_hashes_stay_when_asked_and_uris_do_not():
    made = dump(
        options=TreeOptions(inline_hashes=True),
        vhost=[{"name": "shop"}],
        user=[{"name": "a", "tags": [], "password_hash": HASH}],
        federation_upstream=[{**SHOP, "name": "up", "uri": ["amqp://h", URI]}],
    )

    assert f"password_hash: {HASH}" in made.files["users.yaml"]
    assert list(made.secrets) == ["shop_federation_upstream_up_uri_1"]
    assert made.files["shop/federation.yaml"].endswith("""
    uri:
      - amqp://h
      - {secret: shop_federation_upstream_up_uri_1}
""")


def test_secrets_that_would_be_called_the_same_are_told_apart():
    users = [
        {"name": name, "tags": [], "password_hash": f"{name}-hash"}
        for name in ("a-b", "a_b", "A.B")
    ]

    made = dump(version=(3, 10, 8), user=[{**u, "hashing_algorithm": "custom"} for u in users])

    assert {one.address: one.value for one in made.secrets.values()} == {
        "user:a-b": "a-b-hash",
        "user:a_b": "a_b-hash",
        "user:A.B": "A.B-hash",
    }
    assert all(name.startswith("a_b_password_hash_") for name in made.secrets)
    for name in made.secrets:
        assert f"{{secret: {name}}}" in made.files["users.yaml"]


def test_what_files_cannot_say_is_left_out_with_all_that_needs_it():
    made = dump(
        vhost=[{"name": "shop"}],
        exchange=[
            {**SHOP, "name": "ex.order", "type": "topic"},
            {**SHOP, "name": "x" * 300, "type": "topic"},
        ],
        queue=[queue(), queue("leaky", arguments={"upstream": URI})],
        binding=[binding(), binding(destination="leaky"), binding(source="x" * 300)],
        global_parameter=[{"name": "odd", "value": {"secret": "x"}}],
    )

    long = "x" * 300
    assert left_out(made) == {
        "queue:shop/leaky": "arguments.upstream holds a URI with credentials where no reference to "
        "a secret can be",
        f"exchange:shop/{long}": "300 bytes are more than the 255 that AMQP allows",
        "binding:shop/ex.order/queue/leaky/": "it needs queue 'leaky' in vhost 'shop', which is "
        "not exported",
        f"binding:shop/{long}/queue/qu.order.crm/": f"it needs exchange '{long}' in vhost 'shop', "
        "which is not exported",
        "global_parameter:odd": "it holds {secret: x}, which in a file names a secret",
    }
    assert "leaky" not in "".join(made.files.values())
    assert "s3cret" not in "".join([*made.files.values(), *map(str, made.findings)])
    assert made.counts == {"vhost": 1, "exchange": 1, "queue": 1, "binding": 1}


def test_secrets_of_what_is_left_out_are_not_written():
    made = dump(
        vhost=[{"name": "shop"}],
        shovel=[{**SHOP, "name": "..", "src-uri": URI, "src-queue": "a", "dest-uri": "amqp://"}],
    )

    assert [finding.address for finding in made.findings] == ["shovel:shop/.."]
    assert made.secrets == {}


def test_all_that_is_in_a_vhost_is_left_out_with_it():
    made = dump(
        vhost=[{"name": ".."}, {"name": "shop"}],
        vhost_limit=[{"vhost": "..", "max-queues": 5}],
        exchange=[{"vhost": "..", "name": "x", "type": "topic"}],
    )

    assert left_out(made).keys() == {"vhost:..", "vhost_limit:..", "exchange:../x"}
    assert made.files.keys() == {"shop/vhost.yaml"}


def test_a_binding_to_what_a_client_owns_is_left_out():
    made = dump(
        vhost=[{"name": "shop"}],
        exchange=[{**SHOP, "name": "ex.order", "type": "topic"}],
        binding=[binding(destination="amq.gen-1")],
    )

    assert list(left_out(made)) == ["binding:shop/ex.order/queue/amq.gen-1/"]
    assert "bindings" not in made.files["shop/exchanges.yaml"]


def test_a_second_weight_that_a_hash_exchange_does_not_count_is_left_out():
    made = dump(
        vhost=[{"name": "shop"}],
        exchange=[{**SHOP, "name": "ex.order", "type": "x-consistent-hash"}],
        queue=[queue()],
        binding=[binding(routing_key="1"), binding(routing_key="2")],
    )

    assert list(left_out(made)) == ["binding:shop/ex.order/queue/qu.order.crm/2"]
    assert "routing_key: '1'" in made.files["shop/queues.yaml"]


def test_what_is_out_of_scope_is_not_exported_and_may_be_named():
    scope = Scope(vhosts=["shop"])

    made = dump(
        options=TreeOptions(covers=scope.covers),
        vhost=[{"name": "shop"}, {"name": "other"}],
        user=[{"name": "a", "tags": []}],
        permission=[{**SHOP, "user": "a", "configure": "", "write": "", "read": ""}],
        queue=[queue(), {"vhost": "other", "name": "q"}],
    )

    assert made.findings == ()
    assert made.files.keys() == {"shop/vhost.yaml", "shop/permissions.yaml", "shop/queues.yaml"}


def test_rights_of_users_out_of_scope_stand_by_themselves():
    scope = Scope(kinds=["permission", "*_limit"])

    made = dump(
        options=TreeOptions(covers=scope.covers),
        permission=[{**SHOP, "user": "a", "configure": "", "write": "", "read": ""}],
        vhost_limit=[{**SHOP, "max-queues": 5}],
        user_limit=[{"user": "a", "max-channels": 5}],
    )

    assert made.files["shop/permissions.yaml"].splitlines()[2:] == [
        "permissions:",
        "  - user: a",
        "    configure: ''",
        "    write: ''",
        "    read: ''",
    ]
    assert "component: vhost-limits" in made.files["shop/parameters.yaml"]
    assert list(left_out(made)) == ["user_limit:a"]


def test_what_belongs_to_the_one_cluster_stays_there():
    made = dump(global_parameter=[{"name": "cluster_name", "value": "shanghai"}])

    assert made.files == {}
