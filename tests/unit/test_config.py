"""The environment becomes one frozen object, or a list of all that is wrong."""

from pathlib import Path

import pytest

from domain.channels import Plan
from server.config import Config, ConfigError, load, unknown_variables

CANARY = "s3cr3t-canary"


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(environ)
    return caught.value.problems


def test_an_empty_environment_is_production_on_sqlite_in_var() -> None:
    config = load({})
    assert config.env == "production"
    assert config.data_dir == Path("var")
    assert config.database_url == f"sqlite://{Path('var').absolute()}/tocsin.db"
    assert config.sqlite
    assert not config.development
    assert config.default_plan is Plan.PAID
    assert config.event_retention_days == 7
    assert config.history_retention_days == 90


def test_every_variable_is_read() -> None:
    config = load(
        {
            "TOCSIN_ENV": "development",
            "TOCSIN_DATABASE_URL": "postgresql://user@host:5432/db",
            "TOCSIN_DATA_DIR": "/data",
            "TOCSIN_PUBLIC_URL": "https://alerts.example.com/",
            "TOCSIN_SECRET_KEYS": "k1:abc",
            "TOCSIN_EGRESS_ALLOW": "10.0.0.0/8, [::1]:8080",
            "TOCSIN_CA_FILE": __file__,
            "TOCSIN_CORS_ORIGINS": "https://app.example.com,http://localhost:3000",
            "TOCSIN_METRICS_LISTEN": "[::1]:9464",
            "TOCSIN_DEFAULT_PLAN": "free",
            "TOCSIN_LOG_LEVEL": "debug",
            "TOCSIN_EVENT_RETENTION_DAYS": "30",
            "TOCSIN_HISTORY_RETENTION_DAYS": "365",
        },
    )
    assert config == Config(
        env="development",
        database_url="postgresql://user@host:5432/db",
        data_dir=Path("/data"),
        public_url="https://alerts.example.com",
        secret_keys="k1:abc",
        egress_allow=("10.0.0.0/8", "[::1]:8080"),
        ca_file=Path(__file__),
        cors_origins=("https://app.example.com", "http://localhost:3000"),
        metrics_listen=("::1", 9464),
        default_plan=Plan.FREE,
        log_level="DEBUG",
        event_retention_days=30,
        history_retention_days=365,
    )


def test_an_empty_value_counts_as_not_set() -> None:
    assert load({"TOCSIN_ENV": "", "TOCSIN_PUBLIC_URL": ""}) == load({})


def test_a_value_may_come_from_a_file_without_its_last_line_break(
    tmp_path: Path,
) -> None:
    file = tmp_path / "keys"
    file.write_text("k1:abc\n")
    assert load({"TOCSIN_SECRET_KEYS_FILE": str(file)}).secret_keys == "k1:abc"


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    [missing] = problems_of(TOCSIN_SECRET_KEYS_FILE=str(tmp_path / "none"))
    assert missing.startswith("TOCSIN_SECRET_KEYS_FILE cannot be read")
    empty = tmp_path / "empty"
    empty.write_text("\n")
    assert "empty file" in problems_of(TOCSIN_ENV_FILE=str(empty))[0]
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in problems_of(TOCSIN_ENV_FILE=str(binary))[0]


def test_a_value_given_twice_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("production")
    [problem] = problems_of(TOCSIN_ENV="production", TOCSIN_ENV_FILE=str(file))
    assert problem == "TOCSIN_ENV and TOCSIN_ENV_FILE are both set: keep one of them."


def test_all_faults_are_told_at_once_each_by_the_name_of_its_variable() -> None:
    wrong = {
        "TOCSIN_ENV": "staging",
        "TOCSIN_DATABASE_URL": "mysql://host/db",
        "TOCSIN_PUBLIC_URL": "alerts.example.com",
        "TOCSIN_EGRESS_ALLOW": "10.0.0.0/8,intranet.example.com",
        "TOCSIN_CA_FILE": "/no/such/file",
        "TOCSIN_CORS_ORIGINS": "https://app.example.com/path",
        "TOCSIN_METRICS_LISTEN": "9464",
        "TOCSIN_DEFAULT_PLAN": "gold",
        "TOCSIN_LOG_LEVEL": "loud",
        "TOCSIN_EVENT_RETENTION_DAYS": "0",
    }
    problems = problems_of(**wrong)
    assert [problem.split()[0] for problem in problems] == list(wrong)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://user:{CANARY}@host/db",
        f"postgres://user:{CANARY}@host:port/db",
        f"postgres://user:12/{CANARY}@host/db",
        f"postgres://user:12#{CANARY}@host/db",
        f"{CANARY}",
    ],
)
def test_a_refused_database_url_is_not_repeated(url: str) -> None:
    [problem] = problems_of(TOCSIN_DATABASE_URL=url)
    assert problem.startswith("TOCSIN_DATABASE_URL ")
    assert CANARY not in problem


@pytest.mark.parametrize(
    "url",
    [
        f"postgres://user:{CANARY}@host:5432/db",
        f"postgresql://user:{CANARY}%40@host/db?sslmode=require",
        f"postgres://host/db?user=u&password={CANARY}",
    ],
)
def test_secrets_stay_out_of_every_printed_form(url: str) -> None:
    config = load({"TOCSIN_DATABASE_URL": url, "TOCSIN_SECRET_KEYS": CANARY})
    for text in (repr(config), str(config), str(config.described())):
        assert CANARY not in text
    assert "host" in str(config.described()["database_url"])


def test_what_the_command_line_gives_wins() -> None:
    config = load(
        {"TOCSIN_DATA_DIR": "/data", "TOCSIN_ENV": "production"},
        data_dir=Path("/other"),
        env="development",
    )
    assert config.data_dir == Path("/other")
    assert config.development
    assert config.database_url == "sqlite:///other/tocsin.db"


def test_unknown_variables_are_named_with_a_near_one() -> None:
    [sentence] = unknown_variables(
        {"TOCSIN_DATABSE_URL": "x", "TOCSIN_ENV_FILE": "x", "PATH": "x"},
    )
    assert sentence == (
        "TOCSIN_DATABSE_URL is not a variable of Tocsin. "
        "Did you mean TOCSIN_DATABASE_URL?"
    )
