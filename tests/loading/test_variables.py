"""`${name}` in strings of definitions."""

import pytest

from rmqsync.loading.compile import LayerFile, Options, ParseCache, compile_layers
from tests.loading.files import compiled, errors, file, layers

SHOP = "vhosts: [{name: shop, description: %s}]"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'${region}'", "sh"),
        ("'in ${region}, ${empty}${region}'", "in sh, sh"),
        ("'$${region}'", "${region}"),
        ("'$$${region}'", "$${region}"),
        ("'$region $ {region} $'", "$region $ {region} $"),
        ('"\\u0024{region}"', "sh"),
        ('"\\x24\\x7Bregion}"', "sh"),
        ("'${nested}'", "${region}"),
    ],
)
def test_variables_in_strings(written, value):
    variables = {"region": "sh", "empty": "", "nested": "${region}"}

    found = compiled(SHOP % written, vars=variables)

    assert found.rows["vhost"][("shop",)]["description"] == value


def test_keys_are_no_strings_of_a_definition():
    text = "global_parameters: [{name: x, value: {'${region}': ['${region}']}}]"

    found = compiled(text, vars={"region": "sh"})

    assert found.rows["global_parameter"][("x",)]["value"] == {"${region}": ["sh"]}


def test_unknown_variables_are_errors_at_their_places():
    text = SHOP % "'${regoin}'" + "\nusers:\n  - name: a\n    tags: ['${x}${']\n"

    assert errors(text, vars={"region": "sh"}) == [
        "base/a.yaml:1:36: '${regoin}' names no variable; did you mean 'region'?",
        "base/a.yaml:4:12: '${' is never closed by '}'; known variables are region; "
        "write $${ for a literal ${",
        "base/a.yaml:4:12: '${x}' names no variable; known variables are region; "
        "write $${ for a literal ${",
    ]


def test_the_schema_judges_what_variables_make():
    text = "vhosts: [{name: shop}]\nqueues:\n  - {vhost: shop, name: q, type: '${type}'}\n"

    assert errors(text, vars={"type": "lazy"}) == [
        "base/a.yaml:3:34: 'type' must be 'classic', 'quorum' or 'stream', is the string 'lazy'"
    ]


def test_places_survive():
    text = "\nvhosts:\n  - name: ${region}\n"

    found = compiled(text, vars={"region": "sh"})

    assert str(found.origins["vhost"][("sh",)]) == "base/a.yaml:3"


def test_one_file_serves_clusters_with_other_variables():
    cache, text = ParseCache(), "vhosts: [{name: '${region}'}]"

    found = [
        list(
            compile_layers(layers(text), Options(vars={"region": name}), cache=cache).rows["vhost"]
        )
        for name in ("sh", "bj", "sh")
    ]

    assert found == [[("sh",)], [("bj",)], [("sh",)]]


def test_a_parse_cache_forgets_what_was_not_used_for_long():
    one, two = file("users: [{name: one}]", "1.yaml"), file("users: [{name: two}]", "2.yaml")
    cache = ParseCache(max_bytes=len(one.content) + 1)

    first = cache.get(one)

    assert cache.get(one) is first
    assert cache.get(LayerFile("1.yaml", one.content, "another digest")) is not first
    cache.get(two)
    assert cache.get(one) is not first


def test_of_files_that_nobody_uses_only_the_last_stay_parsed():
    cache = ParseCache()
    files = [
        LayerFile("base/a.yaml", f"vhosts: [{{name: v{n}}}]".encode(), str(n)) for n in range(4)
    ]
    parsed = [cache.get(file) for file in files]

    cache.keep({(files[0].path, files[0].digest)}, spare_bytes=len(files[0].content) + 1)

    stays = [cache.get(file) is one for file, one in zip(files, parsed, strict=True)]
    assert stays == [True, False, False, True]
