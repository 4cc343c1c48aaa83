from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

UPGRADE = {
    "postgres": """
CREATE TABLE aerich (
    id SERIAL NOT NULL PRIMARY KEY,
    version VARCHAR(255) NOT NULL,
    app VARCHAR(100) NOT NULL,
    content JSONB NOT NULL
);

CREATE TABLE project (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    plan TEXT NOT NULL,
    sms_credits INT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE api_token (
    id UUID NOT NULL PRIMARY KEY,
    project_id UUID NOT NULL REFERENCES project (id) ON DELETE RESTRICT,
    user_id UUID,
    name TEXT NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX api_token_project ON api_token (project_id, created_at, id);

CREATE TABLE server (
    id UUID NOT NULL PRIMARY KEY,
    project_id UUID NOT NULL REFERENCES project (id) ON DELETE RESTRICT,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    url TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX server_page ON server (project_id, created_at, id)
    WHERE deleted_at IS NULL;

CREATE TABLE integration (
    id UUID NOT NULL PRIMARY KEY,
    project_id UUID NOT NULL REFERENCES project (id) ON DELETE RESTRICT,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    custom_name BOOL NOT NULL,
    active BOOL NOT NULL,
    down_alerts_only BOOL NOT NULL,
    all_resources BOOL NOT NULL,
    editable BOOL NOT NULL,
    deletable BOOL NOT NULL,
    verified BOOL NOT NULL,
    error TEXT,
    settings TEXT NOT NULL,
    secrets TEXT NOT NULL,
    owner_id UUID,
    fallback_integration_id UUID,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX integration_page ON integration (project_id, created_at, id)
    WHERE deleted_at IS NULL;

CREATE TABLE attachment (
    id UUID NOT NULL PRIMARY KEY,
    project_id UUID NOT NULL REFERENCES project (id) ON DELETE RESTRICT,
    resource_type TEXT NOT NULL,
    resource_id UUID NOT NULL,
    integration_id UUID NOT NULL REFERENCES integration (id) ON DELETE RESTRICT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX attachment_pair ON attachment (resource_id, integration_id);
CREATE INDEX attachment_integration ON attachment (integration_id);

CREATE TABLE incident (
    id UUID NOT NULL PRIMARY KEY,
    project_id UUID NOT NULL,
    source_id UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    resource_type TEXT NOT NULL,
    resource_id UUID,
    resource_name TEXT NOT NULL,
    resource_url TEXT NOT NULL,
    dedup_key TEXT,
    dedup_hash BYTEA,
    incident_type TEXT NOT NULL,
    message TEXT NOT NULL,
    severity TEXT NOT NULL,
    status TEXT NOT NULL,
    test BOOL NOT NULL DEFAULT FALSE,
    next_number INT NOT NULL,
    alert_count INT NOT NULL,
    started_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    resolved_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX incident_open ON incident (project_id, source_id, dedup_hash)
    WHERE status <> 'RESOLVED';
CREATE INDEX incident_page ON incident (project_id, created_at, id) WHERE NOT test;

CREATE TABLE incident_event (
    id UUID NOT NULL PRIMARY KEY,
    project_id UUID NOT NULL,
    incident_id UUID NOT NULL,
    number INT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT,
    snapshot TEXT NOT NULL
);
CREATE UNIQUE INDEX incident_event_number ON incident_event (incident_id, number);

CREATE TABLE lane (
    id UUID NOT NULL PRIMARY KEY,
    integration_id UUID UNIQUE,
    project_id UUID NOT NULL,
    channel TEXT NOT NULL,
    next_due_at BIGINT,
    slots INT NOT NULL,
    closed_until BIGINT NOT NULL DEFAULT 0,
    failures INT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    gone INT NOT NULL DEFAULT 0,
    gone_since BIGINT
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02
);
CREATE INDEX lane_due ON lane (project_id, next_due_at)
    WHERE next_due_at IS NOT NULL;

CREATE TABLE delivery (
    id UUID NOT NULL PRIMARY KEY,
    project_id UUID NOT NULL,
    lane_id UUID NOT NULL,
    integration_id UUID,
    incident_id UUID,
    event_id UUID,
    number INT,
    kind TEXT NOT NULL,
    manual BOOL NOT NULL DEFAULT FALSE,
    status SMALLINT NOT NULL,
    due_at BIGINT,
    expires_at BIGINT NOT NULL,
    attempts INT NOT NULL DEFAULT 0,
    worker BIGINT,
    body TEXT,
    next_step INT NOT NULL DEFAULT 0,
    message_id TEXT NOT NULL,
    cancel_reason TEXT,
    error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    delivered_at BIGINT
) WITH (
    fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02
);
CREATE UNIQUE INDEX delivery_chain ON delivery (incident_id, lane_id, number);
CREATE INDEX delivery_waiting ON delivery (lane_id, due_at, id)
    WHERE status IN (0, 2) AND due_at IS NOT NULL;
CREATE INDEX delivery_sending ON delivery (lane_id) WHERE status = 1;
CREATE INDEX delivery_page ON delivery (project_id, created_at, id);
CREATE INDEX delivery_integration ON delivery (integration_id, created_at, id);

CREATE TABLE attempt (
    delivery_id UUID NOT NULL,
    number INT NOT NULL,
    worker BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    outcome SMALLINT,
    step INT,
    status_code INT,
    duration_ms INT,
    error TEXT,
    excerpt TEXT,
    PRIMARY KEY (delivery_id, number)
);

CREATE TABLE far_end (
    incident_id UUID NOT NULL,
    integration_id UUID NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (incident_id, integration_id)
);

-- A session id never comes back: it is half of the fence.
CREATE TABLE worker (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lease_until BIGINT NOT NULL
);

-- Only claimers bring a lane's due time forward; everybody else adds a row here.
CREATE TABLE wake (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane_id UUID NOT NULL,
    due_at BIGINT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Positions are given afterwards, to committed rows only, by one relay. Its order is
-- that of the ids, so their sequence must not be cached per session.
CREATE TABLE event_log (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position BIGINT,
    project_id UUID NOT NULL,
    kind TEXT NOT NULL,
    delivery_id UUID,
    integration_id UUID,
    incident_id UUID,
    body TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX event_log_unnumbered ON event_log (id) WHERE position IS NULL;
CREATE UNIQUE INDEX event_log_position ON event_log (position)
    WHERE position IS NOT NULL;
CREATE INDEX event_log_project ON event_log (project_id, position)
    WHERE position IS NOT NULL;

CREATE TABLE counter (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('position', 0);

-- Part of every cursor: after a restore, cursors of the lost time are refused.
CREATE TABLE log_epoch (epoch TEXT NOT NULL);
INSERT INTO log_epoch (epoch) VALUES (replace(CAST(gen_random_uuid() AS TEXT), '-', ''));

CREATE TABLE idempotency (
    id UUID NOT NULL PRIMARY KEY,
    project_id UUID NOT NULL REFERENCES project (id) ON DELETE RESTRICT,
    key TEXT NOT NULL,
    operation TEXT NOT NULL,
    input_hash BYTEA NOT NULL,
    result TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX idempotency_key ON idempotency (project_id, key);
CREATE INDEX idempotency_age ON idempotency (created_at);
""",
    "sqlite": """
CREATE TABLE aerich (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    version VARCHAR(255) NOT NULL,
    app VARCHAR(100) NOT NULL,
    content JSON NOT NULL
);

CREATE TABLE project (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    plan TEXT NOT NULL,
    sms_credits INT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE api_token (
    id BLOB NOT NULL PRIMARY KEY,
    project_id BLOB NOT NULL REFERENCES project (id) ON DELETE RESTRICT,
    user_id BLOB,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX api_token_project ON api_token (project_id, created_at, id);

CREATE TABLE server (
    id BLOB NOT NULL PRIMARY KEY,
    project_id BLOB NOT NULL REFERENCES project (id) ON DELETE RESTRICT,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    url TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX server_page ON server (project_id, created_at, id)
    WHERE deleted_at IS NULL;

CREATE TABLE integration (
    id BLOB NOT NULL PRIMARY KEY,
    project_id BLOB NOT NULL REFERENCES project (id) ON DELETE RESTRICT,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    custom_name INT NOT NULL,
    active INT NOT NULL,
    down_alerts_only INT NOT NULL,
    all_resources INT NOT NULL,
    editable INT NOT NULL,
    deletable INT NOT NULL,
    verified INT NOT NULL,
    error TEXT,
    settings TEXT NOT NULL,
    secrets TEXT NOT NULL,
    owner_id BLOB,
    fallback_integration_id BLOB,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX integration_page ON integration (project_id, created_at, id)
    WHERE deleted_at IS NULL;

CREATE TABLE attachment (
    id BLOB NOT NULL PRIMARY KEY,
    project_id BLOB NOT NULL REFERENCES project (id) ON DELETE RESTRICT,
    resource_type TEXT NOT NULL,
    resource_id BLOB NOT NULL,
    integration_id BLOB NOT NULL REFERENCES integration (id) ON DELETE RESTRICT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX attachment_pair ON attachment (resource_id, integration_id);
CREATE INDEX attachment_integration ON attachment (integration_id);

CREATE TABLE incident (
    id BLOB NOT NULL PRIMARY KEY,
    project_id BLOB NOT NULL,
    source_id BLOB NOT NULL DEFAULT x'00000000000000000000000000000000',
    resource_type TEXT NOT NULL,
    resource_id BLOB,
    resource_name TEXT NOT NULL,
    resource_url TEXT NOT NULL,
    dedup_key TEXT,
    dedup_hash BLOB,
    incident_type TEXT NOT NULL,
    message TEXT NOT NULL,
    severity TEXT NOT NULL,
    status TEXT NOT NULL,
    test INT NOT NULL DEFAULT 0,
    next_number INT NOT NULL,
    alert_count INT NOT NULL,
    started_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    resolved_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX incident_open ON incident (project_id, source_id, dedup_hash)
    WHERE status <> 'RESOLVED';
CREATE INDEX incident_page ON incident (project_id, created_at, id) WHERE NOT test;

CREATE TABLE incident_event (
    id BLOB NOT NULL PRIMARY KEY,
    project_id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    number INT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT,
    snapshot TEXT NOT NULL
);
CREATE UNIQUE INDEX incident_event_number ON incident_event (incident_id, number);

CREATE TABLE lane (
    id BLOB NOT NULL PRIMARY KEY,
    integration_id BLOB UNIQUE,
    project_id BLOB NOT NULL,
    channel TEXT NOT NULL,
    next_due_at BIGINT,
    slots INT NOT NULL,
    closed_until BIGINT NOT NULL DEFAULT 0,
    failures INT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    gone INT NOT NULL DEFAULT 0,
    gone_since BIGINT
);
CREATE INDEX lane_due ON lane (project_id, next_due_at)
    WHERE next_due_at IS NOT NULL;

CREATE TABLE delivery (
    id BLOB NOT NULL PRIMARY KEY,
    project_id BLOB NOT NULL,
    lane_id BLOB NOT NULL,
    integration_id BLOB,
    incident_id BLOB,
    event_id BLOB,
    number INT,
    kind TEXT NOT NULL,
    manual INT NOT NULL DEFAULT 0,
    status SMALLINT NOT NULL,
    due_at BIGINT,
    expires_at BIGINT NOT NULL,
    attempts INT NOT NULL DEFAULT 0,
    worker BIGINT,
    body TEXT,
    next_step INT NOT NULL DEFAULT 0,
    message_id TEXT NOT NULL,
    cancel_reason TEXT,
    error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    delivered_at BIGINT
);
CREATE UNIQUE INDEX delivery_chain ON delivery (incident_id, lane_id, number);
CREATE INDEX delivery_waiting ON delivery (lane_id, due_at, id)
    WHERE status IN (0, 2) AND due_at IS NOT NULL;
CREATE INDEX delivery_sending ON delivery (lane_id) WHERE status = 1;
CREATE INDEX delivery_page ON delivery (project_id, created_at, id);
CREATE INDEX delivery_integration ON delivery (integration_id, created_at, id);

CREATE TABLE attempt (
    delivery_id BLOB NOT NULL,
    number INT NOT NULL,
    worker BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    outcome SMALLINT,
    step INT,
    status_code INT,
    duration_ms INT,
    error TEXT,
    excerpt TEXT,
    PRIMARY KEY (delivery_id, number)
) WITHOUT ROWID;

CREATE TABLE far_end (
    incident_id BLOB NOT NULL,
    integration_id BLOB NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (incident_id, integration_id)
) WITHOUT ROWID;

-- A session id never comes back: it is half of the fence.
CREATE TABLE worker (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lease_until BIGINT NOT NULL
);

-- The one writer gives the positions; AUTOINCREMENT never gives one again.
CREATE TABLE event_log (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    delivery_id BLOB,
    integration_id BLOB,
    incident_id BLOB,
    body TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX event_log_project ON event_log (project_id, position);

CREATE TABLE counter (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('position', 0);

-- Part of every cursor: after a restore, cursors of the lost time are refused.
CREATE TABLE log_epoch (epoch TEXT NOT NULL);
INSERT INTO log_epoch (epoch) VALUES (lower(hex(randomblob(16))));

CREATE TABLE idempotency (
    id BLOB NOT NULL PRIMARY KEY,
    project_id BLOB NOT NULL REFERENCES project (id) ON DELETE RESTRICT,
    key TEXT NOT NULL,
    operation TEXT NOT NULL,
    input_hash BLOB NOT NULL,
    result TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX idempotency_key ON idempotency (project_id, key);
CREATE INDEX idempotency_age ON idempotency (created_at);
""",
}

DOWNGRADE = {
    "postgres": """
DROP TABLE idempotency;
DROP TABLE attachment;
DROP TABLE log_epoch;
DROP TABLE counter;
DROP TABLE event_log;
DROP TABLE wake;
DROP TABLE worker;
DROP TABLE far_end;
DROP TABLE attempt;
DROP TABLE delivery;
DROP TABLE lane;
DROP TABLE incident_event;
DROP TABLE incident;
DROP TABLE integration;
DROP TABLE server;
DROP TABLE api_token;
DROP TABLE project;
""",
    "sqlite": """
DROP TABLE idempotency;
DROP TABLE attachment;
DROP TABLE log_epoch;
DROP TABLE counter;
DROP TABLE event_log;
DROP TABLE worker;
DROP TABLE far_end;
DROP TABLE attempt;
DROP TABLE delivery;
DROP TABLE lane;
DROP TABLE incident_event;
DROP TABLE incident;
DROP TABLE integration;
DROP TABLE server;
DROP TABLE api_token;
DROP TABLE project;
""",
}


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE[db.capabilities.dialect]


async def downgrade(db: BaseDBAsyncClient) -> str:
    return DOWNGRADE[db.capabilities.dialect]


MODELS_STATE = (
    "eJztXW1z2zYS/isYfUkyo3oc57XJJzl1W7eJ3bGdu/bONxJMQhLOJMASoBVNLv/9FiApkh"
    "IoC4zGpkR8iSNgFySfXYL7BuBrL+Q+CcTBIKJX/Jaw3jv0tcdwSOA/K3191MNRVPSoBolv"
    "Ak2MIzqUC7IbIWPsSegY40AQaPKJ8GIaScrVRXr/nGKJqEC3JJKIjxFmaPDHKdIjvEOM3J"
    "EYySlJG/qIs2COZoonJh6fMCqIQFQeqIv53IOrUTbZ4rjX7JqNplhMR2owxXD56+CHo1ev"
    "1Zgl/tGUMgk0UqAxjYVEb+GKPgow/Pcl8qZYoUBi0YfhhMcjIkaaXUEs1Fgjn4eYsoO08+"
    "BS/RmhGZVT5PEwxALdEDkjhOlHTRj9OyGA84TAKDE88L//A82U+eQLEfnP6HY4piTwK8Kk"
    "vhpAtw/lPNJtp/7Pmk6BeDP0eJCErKCN5nLK2YL4Zi6JFvmEMBJjSfySdFkSBJkm5E3pvU"
    "KDjBOyuEm/aPDJGCeB0hHFnd5D0dYbDs/Or4aXJ1fDYW9Ff3KOkuizJo8zpXsgFoXH12/p"
    "uMVz69aeusDxx/NjNXIoxN+BavjH4OL49Gxw8dfTT4M/n+muedb18fzsl5w+4kJOYj1Q7/"
    "Pn05963/RFsMTpZbQcCuATQeKhDfolhoYiyABeSCAnKURQvJV7JIMCc/13BfAr8kWaIc/p"
    "l/CGh2ii8O2F++rkz6slqNQktwrVsdI0M1Y5g5se7lfN47+uTgbLgMO1bXQzp++gbqYfRR"
    "uwCo4OwkW+RBQUb4gN+vWJBgGteaOrfEvAZdq3W18cuF3488OPR0cvXrw5Onzx+u2rl2/e"
    "vHp7+BZo9Q2vdr1ZNxec/nJ6dqVuiINBlxq8qqGKf0zuwCr0rfGv8jn8m+KvrO4hWE/2El"
    "jmdDJoKgMvJgohawlU+Rrh37bJ+3EEEMX8v8STVh5HlWdbhl17v51b9DqUvz2+NTp+Gaqr"
    "YviZx4RO2O9krsVxCreNmWdyQLIIzB/FSLsphKK1mCdjPFuEKZY0EBCA5yZSY3Bxcnl1cf"
    "oB9FxhfYO92xmO/WEFdNXDj/hSy4J2tSs8CpdbMMMTDZB6EnXfS+AbImMludQHxkpqcH9Y"
    "bIAkYZjJAzQSoRjCrOhTKUbojDOCQoKZ0LEhnkgU0NAUAGs0gosrtXN26a+JKz1ujKOt4B"
    "vcoijAzAaonL6DHmRpxjC81azO6a5y7ZHxfPT85ZuXb1+8frkw2RYt6yw1Zxa3zixOIr+R"
    "AKp8TgBWAlgxjh/Hgrsk8Z02alYMuKxnrf0mCpoNzLeQMyrBvvdRyvcepZasj8D+Eggs/T"
    "ka8zQHSZlHfQJSgV9Y6pygag9NRt3WxnWmnjP1dmq6skxnAbJW2ZWMvoNQJXFgg1RG3gio"
    "lll3djg5283Zbt0WQGZqWAugyrdHfqGL6bdu4nYx/QcWwi7H9AdSYm8aEmYM65d6+2tLXq"
    "t093uHDFwzSSYga2hBU4JjXQOKEegfT2KPvEfgr4WgkeDVeQRFJEYRprHBIfyuoZwP2M6J"
    "p7/GB8zlmgJpYbevMHbQ1VlgYKO+S0zuE2qlyc5/ao35WPpSWL0Aq3zuHWj4DjgL3lnwrR"
    "PCdiz4mplmCwCfVkfbU5BXZ9lWuUplIRh8pSUZ1TtLS6qxkbfEE3nDE+arhXSMkSBdF6cW"
    "2wkiJYAvjJ7RBmx6fV/+a4RwrDNkKApAUDqj9h5BN1ggqnQqxFG6BjDCMA54WQTcPpR250"
    "MiyWHEr9c9QXBA/Gu4r2u9dCP9H4a/30Z9oCZolEGXDjAUEr7dEzI6QCMSxzweIYHnAs2m"
    "c7hlNMPimvlUKBh9dKPaBAnGzo1r8denv8aNs/XeOuy0uazn5imqBGaRcGhG7JjzgGBW42"
    "RVOZffcmDdL/COz88/Vl7z49Ml/+ns86fjk4unz/UrD0RU1rhV8PWid7Z4F0wO6s2h9vmM"
    "DeG7GksxVEv2LUE3sTv4LTQ9CIZ5NMxQGLpe4Zd5HfCbA69qajUAdpiX2RzcFtOM8roa4F"
    "3hc4BvDvgdiSlcwuCMrMW7zObgtphOlH9pY1IvGLpX9ZUHB1bh+k3wGr0s8ywh5tNdjhRu"
    "jJmOmNhBtmDpImJgmFruDlTmcNsDNcvGwOMFKjo6bJoZWzOAk4nLEu9klthV2boq207j73"
    "L0LkffOiHscpXtabYOsWfMG2d9/fVJ4xLVvRnjqylBk5gnkcrRxiTisUw3u1AZXeQTH3pu"
    "yXw1Z7wpo8oaDxZVtWlR7dNMAH2Uxjj7aKQZhnr32Gdq+1geEabyyXk14Qj96+TiPN2MA4"
    "bsMZ7xXvcOKtw1e8/CrcBVGHjtQ5aENyTO9pTV/weia6Z/Qj8id0RtBaIeMOazJwIF3LtF"
    "PPZJLHRGXBMIl05u8USpLlKXTnbfrEdzWBpUFD9aPXHv5sn19ZfDwy3+86S3N5J0pfW7WV"
    "rfMq/lERXXtlRmhbHLimu5Dn6Zr4PQpSYqmKE2uFWYupdPKsx6Q7Kzfrf1KpubKBtuup47"
    "ktaf+BXGDr7uIRECPHwb2EosHQRMqGNmqLSaHss8XYRMYpnYbfW/4OggXDDvG8Kja4tmcp"
    "YHLJhZtOxsxUwpyGbwbuo2xFzi2qec2NZ2xNTluIBZYjoNpRbZJS6HrAFZmBjjJnnEKt8+"
    "QfvAiUTs3TI+C4g/aSAFA7NL6TaVhPLVg7tGR7JUGJ0EmkrAlfW4sp7uCWCltuFxE/And/"
    "dk4VOC/iap+CG52zghf87Usmq9OlptRDyF0UFj/H6Wqia+TrJTpjPR+QVW0/PNhkmXeDMc"
    "iSmXIzTlgNjiuNXFFskHlznFO4SDIL1CTEBB1dVRiOdIfY9dgryNkT6XIG+fKAwxV7s9hy"
    "pMDvyG4NvHLFy4Yp1TfQvPYROdzOk7GJu09nidhfm98QZpt6xvwdC9NGxuEK7CtWaNWomn"
    "K4vUWuLB/EQCekfiec/gvCz6+uv8Fr9MtZHHkpsgaW0sklzX+pZWevURjxFGWY5TbTclgK"
    "E4dsXswXz/sKlHo9NeujQ4d2ayR6SkwOQypXoPNOCxYKnp9RGAsykNCMIMERwHlMTXLEco"
    "Ly/2pmoTLKBP2JgyKqbEh3FuuD/PvShFJbLTaCSJRF6NrH6M0urjMY2FLI2gHhZGmfH4Vt"
    "UrZ4XNAp5V7V+svS4BXpcqSkbO32q7nen8rdaIonz8NbOrwiwxONAbgv7oe+vujjW2f2GG"
    "zmOvTRkr4MscDvXdiO20DHAX2nm8SlDMEmyoll9beFYwudIzi9KzuorIyxAHQf1ZzHVVkT"
    "sdUHtx9Ob14jVXP9a94ZefBh8/GrZX0I6wXWiy4NmjifOBo5PkS0ThW2aNfZVvn7T5ocPD"
    "UpIwsjrRvczycMgf7ojBkAaxDF9BOqlFtOBxM0lTRVYhSJu4fU7fLGbfMsjtDLVFONbGSy"
    "jzuLe+ZhWU0du9dyGU2ePtgsvgqQ161BbQWJgOhalHboWxe8lKt1+rhZ65QmNXaNxpAWR5"
    "3GY7CFY4nYm6g8XeHzEjPUOZhG7vryuRCHKKjXZYA+kmRNUKmMoXsub84C19InGW3jVvu9"
    "Z4tLQYIuBSLKoJopgIVVoxo76c9tHIC7gAnU6YpEG6RVoA6quHVZD/wMcwIPORUuprFtCQ"
    "SuAaYxokMNJI940mcAcjpFccopkqU1D9xId7VYctu0qFlmdN6isVWpe57YQ8XKVIC6DPJl"
    "Qrb6xg6aATq0MjTRIIS4zOsGpq3OovvUUwa0G/Tw7F1mJZZcvI0l1e4tybOOED63NuZVqo"
    "dJllb2DfmkordOB6Q0GzDcE31+kVVjdNN1Vr5S1ZqHRO7tTZBGQTXa7yOUXewUDOqU/CiE"
    "vCvPnvxLjyZYmiv3bdfkG7WYxnoPaXT1dkYOQFVEVUJviOqBUrGIWJzOIzKjqiAyIqsJI3"
    "Q6uYqUii4WD27Yyr4z6URYnM9siXJAiEisWQiEiqiccxD4GDq1gM8tSy/kQt6E+XnACUi1"
    "MAXNymrc5qfdzGctvZ79lwtm1ugJ3TyiOShqls4KowdRC0YmZZRW3NNr1VNheY2uRdN+3T"
    "C13qEVagry/yKTi6sjTXZb1b5PC4KLY7NKx1QtjlQ8MGJKbetGfwerKe/jpvBxc09zk69a"
    "Bu2yuoi34Y33/D5JtJsLU+wXZiH/UW/x2JhdGM/TDFsRnaEsteGLHwvnwZBoRNpHo1jl69"
    "WgMozK4ffh1cPAWqZ9XP11nWdZT2LS0TiAzFwvUIZ+R7iO7zw8MN0AWqWnR135Khxpkkpq"
    "2uf7s8P6ux0QoWg2mL/ofAutvhj5QJXAVGxVLIMV0YCiW4PxjMBDXA8WOH8r79HzN6ba0="
)
