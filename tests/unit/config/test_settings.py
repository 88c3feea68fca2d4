"""Test settings: which source wins, what is rejected with which message, and what is passed on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from models.behaviour.model import CONSERVATIVE, RESPONSIVE
from models.features.time import DAY_MS
from schemas.errors import UserError
from schemas.signing import ControlKeys
from streamer.config.settings import SECRETS, Settings
from streamer.embedded.key_file import own_control_key

SECRET = "correct-horse-battery"


def load(folder: Path, given: dict[str, Any] | None = None, **environ: str) -> Settings:
    variables = {f"STREAMER_{name}": value for name, value in environ.items()}
    return Settings.load(given, environ={"XDG_DATA_HOME": str(folder), **variables}, folder=folder)


def origin(settings: Settings, name: str) -> tuple[str, str]:
    found = {one.name: one for one in settings.in_force()}[name]
    return found.value, found.origin


def refused(folder: Path, **environ: str) -> UserError:
    with pytest.raises(UserError) as caught:
        load(folder, None, **environ)
    return caught.value


def test_without_anything_set_all_are_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings == Settings()
    assert {one.origin for one in settings.in_force()} == {"default"}
    assert (settings.kafka, settings.redis, settings.lanes, settings.metrics_host) == (None, None, 4, "127.0.0.1")


def test_the_first_place_that_has_a_value_wins(tmp_path: Path) -> None:
    (tmp_path / "streamer.toml").write_text('lanes = 2\ncurrency = "GBP"\ntimezone = "Europe/London"\ngroup = "toml"\n')
    (tmp_path / ".env").write_text("STREAMER_LANES=3\nSTREAMER_CURRENCY=USD\nSTREAMER_GROUP=dotenv\nOTHER=1\n")
    settings = load(tmp_path, {"lanes": 5, "group": None}, LANES="4", CURRENCY="jpy")
    assert origin(settings, "STREAMER_LANES") == ("5", "command line")
    assert origin(settings, "STREAMER_CURRENCY") == ("JPY", "environment")
    assert origin(settings, "STREAMER_GROUP") == ("dotenv", ".env")
    assert origin(settings, "STREAMER_TIMEZONE") == ("Europe/London", "streamer.toml")
    assert origin(settings, "STREAMER_CLOCK") == ("wall", "default")


def test_settings_made_in_code_do_not_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMER_LANES", "3")
    assert Settings().lanes == 4
    assert Settings.load().lanes == 3


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, KAFKA="", LANES="").lanes == 4


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("LANE", "STREAMER_LANES"), ("SASL_PASSWORD", "STREAMER_KAFKA_SASL_PASSWORD"), ("TZ", "doctor")],
)
def test_an_unknown_variable_is_named_with_the_nearest(tmp_path: Path, name: str, nearest: str) -> None:
    error = refused(tmp_path, **{name: "x"})
    assert f"STREAMER_{name} (environment)" in error.message
    assert nearest in error.hint


def test_an_unknown_name_in_a_file_is_refused_as_well(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("STREAMER_CURENCY=EUR\n")
    assert "did you mean STREAMER_CURRENCY?" in refused(tmp_path).hint
    (tmp_path / ".env").unlink()
    (tmp_path / "streamer.toml").write_text("lane = 3\n")
    error = refused(tmp_path)
    assert "lane (streamer.toml)" in error.message
    assert error.hint == "did you mean lanes?"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("LANES", "0", "a whole number from 1 to 1000"),
        ("LANES", "many", "a whole number from 1 to 1000"),
        ("HALF_LIFE_DAYS", "4.9", "a number from 5 to 365"),
        ("HALF_LIFE_DAYS", "nan", "a number from 5 to 365"),
        ("CLOCK", "walk", "wall or event"),
        ("LOG_CUSTOMER_IDS", "perhaps", "true or false"),
        ("KAFKA", "kafka://localhost:9092", "host:port"),
        ("KAFKA", "localhost", "host:port"),
        ("REDIS", "http://localhost", "redis://localhost:6379/0"),
        ("TIMEZONE", "Mars/Olympus", "Europe/Berlin"),
        ("CURRENCY", "XYZ", "ISO 4217"),
        ("RATES", "USD:0.9", "USD=0.92,GBP=1.17"),
        ("RATES", "USD=0", "greater than zero"),
        ("TOPIC_PREFIX", "my shop", "letters, digits"),
        ("CONTROL_KEY", "short", "16 characters or more"),
        ("KAFKA_SSL_CA", "/no/such/file", "the path of a file that exists"),
        ("METRICS_PORT", "65536", "a whole number from 0 to 65535"),
    ],
)
def test_an_invalid_value_is_named_with_what_is_allowed(tmp_path: Path, name: str, value: str, allowed: str) -> None:
    error = refused(tmp_path, **{name: value})
    assert f"STREAMER_{name}" in error.message
    assert allowed in f"{error.message}\n{error.hint}"


def test_all_invalid_values_are_reported_at_once(tmp_path: Path) -> None:
    error = refused(tmp_path, LANES="0", CLOCK="walk")
    assert "STREAMER_LANES" in error.message
    assert "STREAMER_CLOCK" in error.message


def test_broken_toml_is_reported(tmp_path: Path) -> None:
    (tmp_path / "streamer.toml").write_text("lanes 3")
    assert "is not TOML" in refused(tmp_path).message


def test_secrets_come_from_files_and_are_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{SECRET}\n")
    settings = load(
        tmp_path, CONTROL_KEY_FILE=str(path), REDIS=f"redis://me:{SECRET}@cache:6379/1", REDIS_PASSWORD=SECRET
    )
    assert settings.control_keys == ControlKeys("", (SECRET.encode(),)) == settings.lane_settings().control_keys
    assert settings.log_key == SECRET.encode()
    assert origin(settings, "STREAMER_CONTROL_KEY") == ("******", f"environment, file {path}")
    assert origin(settings, "STREAMER_REDIS")[0] == "redis://me:******@cache:6379/1"
    assert SECRET not in str(settings.in_force())


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_an_invalid_secret_is_not_printed(tmp_path: Path, name: str) -> None:
    (tmp_path / "streamer.toml").write_text(f'{name} = ["{SECRET}"]\n')
    error = refused(tmp_path)
    assert name in error.message
    assert SECRET not in str(error)


def test_a_secret_file_that_is_of_no_use_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert str(missing) in refused(tmp_path, REDIS_PASSWORD_FILE=str(missing)).message
    empty = tmp_path / "empty"
    empty.write_text("\n")
    assert "is empty" in refused(tmp_path, REDIS_PASSWORD_FILE=str(empty)).message
    assert "both set" in refused(tmp_path, REDIS_PASSWORD_FILE=str(empty), REDIS_PASSWORD=SECRET).message
    assert "only secrets" in refused(tmp_path, LANES_FILE=str(empty)).hint


def test_a_secret_given_nearer_hides_the_file_further_away(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("STREAMER_REDIS_PASSWORD=plain\n")
    (tmp_path / "file").write_text(SECRET)
    (tmp_path / "streamer.toml").write_text(f'redis_password_file = "{tmp_path / "file"}"\n')
    assert load(tmp_path, REDIS="redis://cache:6379").redis_connection()[1] == {"password": "plain"}


def test_rates_may_be_written_in_three_ways(tmp_path: Path) -> None:
    wanted = {"USD": 0.92, "GBP": 1.17}
    assert load(tmp_path, RATES="usd=0.92, GBP=1.17").rates == wanted
    assert load(tmp_path, RATES='{"USD": 0.92, "GBP": 1.17}').rates == wanted
    (tmp_path / "streamer.toml").write_text("[rates]\nUSD = 0.92\nGBP = 1.17\n")
    assert load(tmp_path).rates == wanted
    # One source decides; rates of two sources are not mixed.
    assert load(tmp_path, RATES="USD=0.5").rates == {"USD": 0.5}


def test_a_policy_follows_the_settings(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        LANES="4",
        CURRENCY="JPY",
        RATES="EUR=160",
        TIMEZONE="Asia/Tokyo",
        HALF_LIFE_DAYS="45",
        RETENTION_DAYS="30",
        MAX_EVENT_BYTES="2048",
    )
    policy = settings.policy()
    assert (policy.lanes, settings.policy(2).lanes) == (4, 2)
    assert policy.rates.minor(2.0, "EUR") == 320
    assert policy.grid.zone == "Asia/Tokyo"
    assert policy.shop.half_life == 45 * DAY_MS
    assert (policy.horizon_ms, policy.max_event_bytes) == (30 * DAY_MS, 2048)


def test_default_settings_give_the_default_policy_and_lane(tmp_path: Path) -> None:
    from streamer.core.policy import Policy
    from streamer.lanes.context import LaneSettings

    settings, policy = load(tmp_path), load(tmp_path).policy(1)
    assert settings.lane_settings() == LaneSettings()
    for name in ("half_life_days", "max_event_bytes", "horizon_ms", "definitions"):
        assert getattr(policy, name) == getattr(Policy(), name)


def test_lanes_run_as_set(tmp_path: Path) -> None:
    lane = load(tmp_path, CLOCK="event", TICK_SECONDS="0.2", MAX_RESIDENTS="5000").lane_settings()
    assert (lane.tick_seconds, lane.max_residents) == (0.2, 5000)


def test_the_clusterer_is_checked_when_settings_are_read(tmp_path: Path) -> None:
    assert load(tmp_path).learner_config().clusterer.ours
    choice = load(tmp_path, CLUSTERER="STREAMKMeans: chunk_size=40").learner_config().clusterer
    assert (choice.name, choice.options["chunk_size"]) == ("STREAMKMeans", 40)
    may_be = "STREAMER_CLUSTERER may be PanelKMeans, KMeans:halflife=0.005 or STREAMKMeans:chunk_size=500,halflife=0.05"
    for value, more in (
        ("KMeans:halflife=2", "; KMeans: halflife cannot be 2, allowed: a number from 1e-06 to 1"),
        ("DBSTREAM", ""),
    ):
        with pytest.raises(UserError) as refused:
            load(tmp_path, CLUSTERER=value)
        assert "STREAMER_CLUSTERER" in refused.value.message
        assert refused.value.hint == may_be + more


def test_presets_are_those_of_the_clusters(tmp_path: Path) -> None:
    assert load(tmp_path).behaviour_preset() == CONSERVATIVE
    assert load(tmp_path, PRESET="responsive").behaviour_preset() == RESPONSIVE


def test_kafka_that_is_set_goes_before_the_embedded_one(tmp_path: Path) -> None:
    settings = load(tmp_path, KAFKA="a:1, b:2", TOPIC_PREFIX="shop", GROUP="g")
    connection = settings.kafka_connection("embedded:9092")
    assert (connection.bootstrap, connection.prefix, connection.group) == ("a:1,b:2", "shop", "g")
    assert connection.security == {}
    assert load(tmp_path).kafka_connection("embedded:9092").bootstrap == "embedded:9092"
    with pytest.raises(UserError, match="streamer up"):
        load(tmp_path).kafka_connection()


def test_credentials_reach_every_client_of_kafka(tmp_path: Path) -> None:
    settings = load(
        tmp_path, KAFKA="a:1", KAFKA_SECURITY_PROTOCOL="sasl_ssl", KAFKA_SASL_USERNAME="me", KAFKA_SASL_PASSWORD=SECRET
    )
    security = dict(settings.kafka_connection().security)
    context = security.pop("ssl_context")
    assert context.check_hostname
    assert security == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "me",
        "sasl_plain_password": SECRET,
    }
    faust = settings.faust_broker()["broker_credentials"]
    assert (faust.protocol.value, faust.mechanism.value, faust.username, faust.password) == (
        "SASL_SSL",
        "SCRAM-SHA-512",
        "me",
        SECRET,
    )


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "STREAMER_KAFKA_SASL_USERNAME"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL"}, "set STREAMER_KAFKA"),
        ({"REDIS_PASSWORD": SECRET}, "set STREAMER_REDIS"),
        ({"KAFKA_SASL_PASSWORD": SECRET}, "STREAMER_KAFKA_SECURITY_PROTOCOL"),
        ({"KAFKA_SSL_CA": __file__, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "STREAMER_KAFKA_SSL_CA"),
        ({"KAFKA": "a:1", "KAFKA_SSL_CERT": __file__, "KAFKA_SECURITY_PROTOCOL": "SSL"}, "STREAMER_KAFKA_SSL_KEY"),
        ({"REDIS": "redis://cache:6379", "REDIS_CA": __file__}, "rediss://"),
    ],
)
def test_protection_that_would_not_be_there_is_refused(tmp_path: Path, environ: dict[str, str], named: str) -> None:
    assert named in str(refused(tmp_path, **environ))


def test_a_certificate_that_is_none_is_reported(tmp_path: Path) -> None:
    settings = load(tmp_path, KAFKA="a:1", KAFKA_SECURITY_PROTOCOL="SSL", KAFKA_SSL_CA=__file__)
    with pytest.raises(UserError, match="Kafka certificates"):
        settings.kafka_connection()


def test_redis_options_go_with_the_address(tmp_path: Path) -> None:
    settings = load(
        tmp_path, REDIS="rediss://cache:6380/2", REDIS_USERNAME="me", REDIS_PASSWORD=SECRET, REDIS_CA=__file__
    )
    url, options = settings.redis_connection("redis://embedded")
    assert url == "rediss://cache:6380/2"
    assert options == {"username": "me", "password": SECRET, "ssl_ca_certs": __file__}
    assert load(tmp_path).redis_connection("redis://embedded") == ("redis://embedded", {})
    with pytest.raises(UserError, match="streamer up"):
        load(tmp_path).redis_connection()


CONNECTING = {
    "kafka": "broker.example:9093",
    "kafka_security_protocol": "SASL_SSL",
    "kafka_sasl_mechanism": "PLAIN",
    "kafka_sasl_username": "me",
    "kafka_sasl_password": SECRET,
    "kafka_ssl_ca": __file__,
    "kafka_ssl_cert": __file__,
    "kafka_ssl_key": __file__,
    "kafka_ssl_key_password": SECRET,
    "redis": "rediss://cache.example:6380/0",
    "redis_username": "me",
    "redis_password": SECRET,
    "redis_ca": __file__,
}


@pytest.mark.parametrize("place", ["environment", ".env", "streamer.toml", "files"])
def test_every_setting_of_connections_is_taken_from_every_place(tmp_path: Path, place: str) -> None:
    environ: dict[str, str] = {}
    if place == "environment":
        environ = {name.upper(): value for name, value in CONNECTING.items()}
    elif place == ".env":
        lines = [f"STREAMER_{name.upper()}={value}" for name, value in CONNECTING.items()]
        (tmp_path / ".env").write_text("\n".join(lines))
    elif place == "streamer.toml":
        (tmp_path / "streamer.toml").write_text("\n".join(f'{name} = "{value}"' for name, value in CONNECTING.items()))
    else:
        for name, value in CONNECTING.items():
            if name in SECRETS:
                (tmp_path / name).write_text(f"{value}\n")
                environ[f"{name.upper()}_FILE"] = str(tmp_path / name)
            else:
                environ[name.upper()] = value
    settings = load(tmp_path, None, **environ)
    for name, value in CONNECTING.items():
        held = getattr(settings, name)
        assert str(held.get_secret_value() if name in SECRETS and name != "redis" else held) == value
        shown, where = origin(settings, f"STREAMER_{name.upper()}")
        if place != "files":
            assert where == place
        elif name in SECRETS:
            assert where == f"environment, file {tmp_path / name}"
        assert SECRET not in shown


def test_the_control_key_is_that_of_the_home_folder_unless_another_is_set(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert load(tmp_path, HOME=str(home)).control_keys is None
    first = own_control_key(home)
    assert own_control_key(home) == first, "it is made once"
    assert (home / "control.key").stat().st_mode & 0o777 == 0o600 and list(home.iterdir()) == [home / "control.key"]
    settings = load(tmp_path, HOME=str(home))
    assert settings.control_keys == ControlKeys("", (first,))
    assert origin(settings, "STREAMER_CONTROL_KEY") == ("******", f"home folder, file {home / 'control.key'}")
    assert load(tmp_path, HOME=str(home), CONTROL_KEY=SECRET).control_keys == ControlKeys("", (SECRET.encode(),))


def test_a_key_is_changed_by_naming_the_old_one_beside_it(tmp_path: Path) -> None:
    both = ControlKeys("", (b"the key of this year", b"the key of last year"))
    assert load(tmp_path, CONTROL_KEY="the key of this year, the key of last year").control_keys == both
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "control.key").write_text("the key of this year\nthe key of last year\n")
    assert load(tmp_path, HOME=str(tmp_path / "home")).control_keys == both
    error = refused(tmp_path, CONTROL_KEY="the key of this year,short")
    assert "STREAMER_CONTROL_KEY" in error.message and "16 characters" in error.hint and "short" not in str(error)


def test_two_who_make_the_key_at_once_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: own_control_key(tmp_path), range(64)))
    assert len(keys) == 1
