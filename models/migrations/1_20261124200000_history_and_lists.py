from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

UPGRADE = {
    "postgres": """
-- What is kept for a while only is found by its age.
CREATE INDEX incident_ended ON incident (updated_at, id)
    WHERE status = 'RESOLVED' OR test;
-- Said this way, SQLite does not take "is null" for a look into delivery_chain.
CREATE INDEX delivery_outside ON delivery (updated_at, id)
    WHERE NOT (incident_id IS NOT NULL) AND status >= 4;
CREATE INDEX integration_deleted ON integration (deleted_at, id)
    WHERE deleted_at IS NOT NULL;
CREATE INDEX server_deleted ON server (deleted_at, id)
    WHERE deleted_at IS NOT NULL;

-- Lists that are filtered cost the same however many rows the filter leaves out.
CREATE INDEX incident_status ON incident (project_id, status, created_at, id)
    WHERE NOT test;
CREATE INDEX incident_resource ON incident (resource_id, created_at, id)
    WHERE resource_id IS NOT NULL;
CREATE INDEX delivery_status ON delivery (project_id, status, created_at, id);
DROP INDEX delivery_integration;
CREATE INDEX delivery_integration
    ON delivery (integration_id, status, created_at, id);
""",
    "sqlite": """
-- What is kept for a while only is found by its age.
CREATE INDEX incident_ended ON incident (updated_at, id)
    WHERE status = 'RESOLVED' OR test;
-- Said this way, SQLite does not take "is null" for a look into delivery_chain.
CREATE INDEX delivery_outside ON delivery (updated_at, id)
    WHERE NOT (incident_id IS NOT NULL) AND status >= 4;
CREATE INDEX integration_deleted ON integration (deleted_at, id)
    WHERE deleted_at IS NOT NULL;
CREATE INDEX server_deleted ON server (deleted_at, id)
    WHERE deleted_at IS NOT NULL;

-- Lists that are filtered cost the same however many rows the filter leaves out.
CREATE INDEX incident_status ON incident (project_id, status, created_at, id)
    WHERE NOT test;
CREATE INDEX incident_resource ON incident (resource_id, created_at, id)
    WHERE resource_id IS NOT NULL;
CREATE INDEX delivery_status ON delivery (project_id, status, created_at, id);
DROP INDEX delivery_integration;
CREATE INDEX delivery_integration
    ON delivery (integration_id, status, created_at, id);
""",
}

DOWNGRADE = {
    "postgres": """
DROP INDEX delivery_integration;
DROP INDEX delivery_status;
DROP INDEX incident_resource;
DROP INDEX incident_status;
DROP INDEX server_deleted;
DROP INDEX integration_deleted;
DROP INDEX delivery_outside;
DROP INDEX incident_ended;
CREATE INDEX delivery_integration ON delivery (integration_id, created_at, id);
""",
    "sqlite": """
DROP INDEX delivery_integration;
DROP INDEX delivery_status;
DROP INDEX incident_resource;
DROP INDEX incident_status;
DROP INDEX server_deleted;
DROP INDEX integration_deleted;
DROP INDEX delivery_outside;
DROP INDEX incident_ended;
CREATE INDEX delivery_integration ON delivery (integration_id, created_at, id);
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
