"""Teams through the API."""

from domain.ids import encode, new_id
from tests.people import add_team, add_user
from tests.schema_client import Client, faults

UNKNOWN = encode("Team", new_id())
TEAM = "{ name members { totalCount nodes { name } } }"


async def test_a_team_has_members_and_a_user_teams(client: Client) -> None:
    bob = await add_user(client, "bob@example.com", name="Bob")
    ann = await add_user(client, name="Ann")
    team = await add_team(client, bob, ann)
    other = await add_team(client, ann, name="night")
    assert team.startswith("tem_")
    query = (
        "query($team: ID!, $user: ID!) { "
        f"team(id: $team) {TEAM} "
        "user(id: $user) { teams { nodes { id } } } }"
    )
    found = await client.ask(query, team=team, user=ann)
    assert found["team"] == {
        "name": "ops",
        "members": {"totalCount": 2, "nodes": [{"name": "Ann"}, {"name": "Bob"}]},
    }
    assert found["user"]["teams"]["nodes"] == [{"id": other}, {"id": team}]


async def test_joining_and_leaving_twice_changes_nothing(client: Client) -> None:
    ann = await add_user(client)
    pair = {"teamId": await add_team(client), "userId": ann}
    select = f"team {TEAM} user {{ id }}"
    for _ in range(2):
        payload = await client.mutate("addUserToTeam", pair, select)
        assert payload["team"]["members"]["totalCount"] == 1
        assert payload["user"]["id"] == ann
    for _ in range(2):
        payload = await client.mutate("removeUserFromTeam", pair, select)
        assert payload["team"]["members"]["totalCount"] == 0


async def test_a_team_is_renamed_and_deleted(client: Client) -> None:
    ann = await add_user(client)
    team = await add_team(client, ann)
    read = "team { updatedAt name }"
    given = {"teamId": team, "name": "day"}
    renamed = (await client.mutate("updateTeam", given, read))["team"]
    assert renamed["name"] == "day"
    old = given | {"ifUpdatedAt": "2020-01-01T00:00:00Z"}
    payload = await client.mutate("updateTeam", old, read)
    assert faults(payload) == [("CONFLICT", "input/ifUpdatedAt")]
    payload = await client.mutate("deleteTeam", {"teamId": team}, "deletedId")
    assert payload == {"deletedId": team, "errors": []}
    found = await client.ask(
        "query($t: ID!, $u: ID!) { team(id: $t) { id } node(id: $t) { id } "
        "user(id: $u) { teams { totalCount } } }",
        t=team,
        u=ann,
    )
    assert found.data == {
        "team": None,
        "node": None,
        "user": {"teams": {"totalCount": 0}},
    }
    assert faults(await client.mutate("deleteTeam", {"teamId": team})) == [
        ("TEAM_NOT_FOUND", "input/teamId")
    ]


async def test_wrong_and_foreign_teams_are_told_of(
    client: Client, stranger: Client
) -> None:
    team, ann = await add_team(client), await add_user(client)
    payload = await stranger.mutate("updateTeam", {"teamId": team, "name": " "})
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/name"),
        ("TEAM_NOT_FOUND", "input/teamId"),
    ]
    for name in ("addUserToTeam", "removeUserFromTeam"):
        payload = await stranger.mutate(name, {"teamId": team, "userId": ann})
        assert faults(payload) == [
            ("USER_NOT_FOUND", "input/userId"),
            ("TEAM_NOT_FOUND", "input/teamId"),
        ]
    foreign = {"teamId": await add_team(stranger), "userId": ann}
    payload = await client.mutate("addUserToTeam", foreign)
    assert faults(payload) == [("TEAM_NOT_FOUND", "input/teamId")]


async def test_teams_are_searched_filtered_and_sorted(client: Client) -> None:
    ann = await add_user(client)
    await add_team(client, ann, name="b")
    await add_team(client, name="A")
    await add_team(client, ann, name="night b")
    text = (
        "query($filter: TeamFilter, $orderBy: TeamOrder) { "
        "teams(filter: $filter, orderBy: $orderBy) { totalCount nodes { name } } }"
    )

    async def names(**variables: object) -> list[str]:
        page = (await client.ask(text, **variables))["teams"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["name"] for node in page["nodes"]]

    assert await names() == ["night b", "A", "b"]
    assert await names(orderBy={"field": "NAME"}) == ["A", "b", "night b"]
    assert await names(filter={"search": "B"}) == ["night b", "b"]
    assert await names(filter={"userId": ann, "search": "night"}) == ["night b"]
    assert await names(filter={"userId": [UNKNOWN]}) == []


async def test_the_same_key_makes_one_team(client: Client) -> None:
    given = {"name": "ops", "idempotencyKey": "k"}
    made = [await client.mutate("createTeam", given, "team { id }") for _ in range(2)]
    assert made[0] == made[1]
    assert faults(await client.mutate("createTeam", {"name": ""})) == [
        ("VALIDATION_ERROR", "input/name")
    ]
