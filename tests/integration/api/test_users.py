"""Users through the API."""

from typing import Any

import pytest

from domain.ids import decode, encode, new_id
from domain.scopes import Scope
from models.store import Tx
from models.tokens import hash_of, new_token
from tests.people import a_team, add_email, add_team, add_user
from tests.schema_client import Client, faults

USER = "{ __typename id name email emailVerifiedAt phone createdAt updatedAt }"
FIELDS = f"user {USER} warnings {{ message path }}"
ANN = {"name": "Ann", "email": "Ann@Example.COM", "phone": "+14155550123"}
UNKNOWN = encode("User", new_id())
LIST = (
    "query($filter: UserFilter, $orderBy: UserOrder) "
    "{ users(filter: $filter, orderBy: $orderBy) { totalCount nodes { name } } }"
)


async def create(client: Client, **more: object) -> dict[str, Any]:
    """Create a user and return it."""
    payload = await client.mutate("createUser", ANN | more, FIELDS)
    assert payload["errors"] == []
    user: dict[str, Any] = payload["user"]
    return user


async def names(client: Client, **variables: object) -> list[str]:
    """Return the names of the users that a list holds."""
    page = (await client.ask(LIST, **variables))["users"]
    assert page["totalCount"] == len(page["nodes"])
    return [node["name"] for node in page["nodes"]]


async def test_a_user_is_made_and_found_again(client: Client) -> None:
    made = await create(client, name="Änn O'Brien")
    assert made["id"].startswith("usr_")
    assert made["email"] == "Ann@example.com"
    assert made["emailVerifiedAt"] is None
    query = f"query($id: ID!) {{ user(id: $id) {USER} }}"
    assert (await client.ask(query, id=made["id"]))["user"] == made


async def test_all_faults_are_told_at_once(client: Client) -> None:
    wrong = {"name": " ", "email": "no address", "phone": "0123"}
    payload = await client.mutate("createUser", wrong, FIELDS)
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/name"),
        ("VALIDATION_ERROR", "input/email"),
        ("VALIDATION_ERROR", "input/phone"),
    ]
    changed = {"userId": UNKNOWN, "name": None, "email": f"a@{'x' * 250}.io"}
    payload = await client.mutate("updateUser", changed, FIELDS)
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/name"),
        ("VALIDATION_ERROR", "input/email"),
        ("USER_NOT_FOUND", "input/userId"),
    ]


@pytest.mark.parametrize(
    "phone", ["+1", "+0155550123", "4155550123", "+1 415 555 0123", "+1234567890123456"]
)
async def test_a_phone_number_has_its_country_code(client: Client, phone: str) -> None:
    payload = await client.mutate("createUser", ANN | {"phone": phone}, FIELDS)
    assert faults(payload) == [("VALIDATION_ERROR", "input/phone")]


async def test_an_address_belongs_to_one_user(client: Client, stranger: Client) -> None:
    """In any spelling; another project may have it, and so may a successor."""
    first = await create(client)
    taken = [("VALIDATION_ERROR", "input/email")]
    given = ANN | {"email": "ANN@example.com"}
    assert faults(await client.mutate("createUser", given, FIELDS)) == taken
    other = await create(client, email="bob@example.com")
    given = {"userId": other["id"], "email": "ann@EXAMPLE.com"}
    assert faults(await client.mutate("updateUser", given, FIELDS)) == taken
    await create(stranger)
    respelled = {"userId": first["id"], "email": "ANN@example.com"}
    assert faults(await client.mutate("updateUser", respelled, FIELDS)) == []
    await client.mutate("deleteUser", {"userId": first["id"]})
    assert faults(await client.mutate("updateUser", given, FIELDS)) == []


async def test_absent_keeps_and_null_clears(client: Client) -> None:
    made = await create(client)
    given = {"userId": made["id"], "name": "Anna", "ifUpdatedAt": made["updatedAt"]}
    renamed = (await client.mutate("updateUser", given, FIELDS))["user"]
    assert renamed == {**made, "name": "Anna", "updatedAt": renamed["updatedAt"]}
    assert renamed["updatedAt"] > made["updatedAt"]
    cleared = {"userId": made["id"], "phone": None}
    assert (await client.mutate("updateUser", cleared, FIELDS))["user"]["phone"] is None
    payload = await client.mutate("updateUser", given, FIELDS)
    assert faults(payload) == [("CONFLICT", "input/ifUpdatedAt")]


async def test_the_same_key_makes_one_user(client: Client) -> None:
    first = await create(client, idempotencyKey="k")
    assert await create(client, idempotencyKey="k") == first
    assert await names(client) == ["Ann"]


async def test_users_are_searched_filtered_and_sorted(client: Client) -> None:
    ann = await add_user(client, "zoe@example.com", name="Ann")
    await add_user(client, "bob@other.example", name="bob")
    carl = await add_user(client, "carl@example.com", name="Carl")
    team = await add_team(client, carl, ann)
    assert await names(client) == ["Carl", "bob", "Ann"]
    assert await names(client, filter={"search": "OTHER"}) == ["bob"]
    assert await names(client, filter={"search": "an"}) == ["Ann"]
    by_name = {"field": "NAME"}
    assert await names(client, orderBy=by_name) == ["Ann", "Carl", "bob"]
    by_email = {"field": "EMAIL", "direction": "DESC"}
    assert await names(client, orderBy=by_email) == ["Ann", "Carl", "bob"]
    assert await names(client, filter={"teamId": team}) == ["Carl", "Ann"]
    assert await names(client, filter={"teamId": [UNKNOWN]}) == []
    assert await names(client, filter={"emailVerified": True}) == []
    both = {"teamId": [team], "emailVerified": False, "search": "zoe@"}
    assert await names(client, filter=both) == ["Ann"]


async def test_a_foreign_user_is_not_found(client: Client, stranger: Client) -> None:
    made = await create(client)
    for name in ("updateUser", "deleteUser", "sendEmailVerification"):
        payload = await stranger.mutate(name, {"userId": made["id"]})
        assert faults(payload) == [("USER_NOT_FOUND", "input/userId")], name
    payload = await stranger.mutate("verifyEmail", {"userId": made["id"], "code": "1"})
    assert faults(payload) == [("USER_NOT_FOUND", "input/userId")]
    query = "query($id: ID!) { user(id: $id) { id } node(id: $id) { id } }"
    answer = await stranger.ask(query, id=made["id"])
    assert answer.data == {"user": None, "node": None}


async def test_what_was_a_users_goes_with_them(client: Client) -> None:
    """Memberships, rules and personal integrations; of the user only a name is kept."""
    ids = await a_team(client)
    owned = f'{{ integrations(filter: {{ownerId: "{ids["user"]}"}}) {{ totalCount }} }}'
    assert (await client.ask(owned))["integrations"]["totalCount"] == 1
    payload = await client.mutate("deleteUser", {"userId": ids["user"]}, "deletedId")
    assert payload == {"deletedId": ids["user"], "errors": []}
    found = await client.ask(
        "query($user: ID!, $rule: ID!, $team: ID!) { user(id: $user) { id } "
        "notificationRule(id: $rule) { id } node(id: $user) { id } "
        "team(id: $team) { members { totalCount } } users { totalCount } "
        "integrations(filter: {personal: true}) { totalCount } }",
        user=ids["user"],
        rule=ids["notificationRule"],
        team=ids["team"],
    )
    assert found.data == {
        "user": None,
        "notificationRule": None,
        "node": None,
        "team": {"members": {"totalCount": 0}},
        "users": {"totalCount": 0},
        "integrations": {"totalCount": 0},
    }
    statement = "SELECT * FROM person WHERE id = $1"
    row = await client.services.store.fetchrow(statement, decode(ids["user"])[1])
    assert row is not None
    kept = {name for name in row.keys() if row[name] is not None}  # noqa: SIM118
    assert kept == {
        *("id", "project_id", "name"),
        "created_at",
        "updated_at",
        "deleted_at",
    }
    payload = await client.mutate("deleteUser", {"userId": ids["user"]})
    assert faults(payload) == [("USER_NOT_FOUND", "input/userId")]


async def test_tokens_end_with_their_user_and_only_an_admin_ends_them(
    client: Client,
) -> None:
    user, token = await add_user(client), new_token()
    own = await add_email(client, ownerId=user)

    async def bind(tx: Tx) -> None:
        await tx.execute(
            "INSERT INTO api_token (id, project_id, user_id, name, hash, hint, scopes,"
            " created_at) VALUES ($1, $2, $3, 't', $4, '', 'READ', 1)",
            *(new_id(), client.project_id, decode(user)[1], hash_of(token)),
        )

    await client.services.store.turn(bind)
    text = (
        "mutation($input: DeleteUserInput!) { deleteUser(input: $input) { deletedId } }"
    )
    given = {"userId": user}
    answer = await client.with_scopes(Scope.WRITE).ask(text, input=given)
    assert answer.codes == ["FORBIDDEN"]
    query = "query($id: ID!) { integration(id: $id) { id } }"
    kept = await client.ask(query, id=own["integration"]["id"])
    assert kept["integration"], "nothing was half done"
    assert (await client.ask(text, input=given))["deleteUser"]["deletedId"] == user
    revoked = "SELECT revoked_at FROM api_token WHERE hash = $1"
    assert await client.services.store.fetchval(revoked, hash_of(token)) is not None
