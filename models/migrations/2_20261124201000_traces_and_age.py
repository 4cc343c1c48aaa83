from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

UPGRADE = {
    "postgres": """
ALTER TABLE incident_event ADD traceparent TEXT;

-- The age of the oldest delivery that is not yet over, at the same cost however many
-- wait. What was redelivered by hand is younger than its row.
CREATE INDEX delivery_unfinished ON delivery (created_at)
    WHERE status IN (0, 1, 2) AND NOT manual;
""",
    "sqlite": """
ALTER TABLE incident_event ADD traceparent TEXT;

-- The age of the oldest delivery that is not yet over, at the same cost however many
-- wait. What was redelivered by hand is younger than its row.
CREATE INDEX delivery_unfinished ON delivery (created_at)
    WHERE status IN (0, 1, 2) AND NOT manual;
""",
}

DOWNGRADE = {
    "postgres": """
DROP INDEX delivery_unfinished;
ALTER TABLE incident_event DROP COLUMN traceparent;
""",
    "sqlite": """
DROP INDEX delivery_unfinished;
ALTER TABLE incident_event DROP COLUMN traceparent;
""",
}


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE[db.capabilities.dialect]


async def downgrade(db: BaseDBAsyncClient) -> str:
    return DOWNGRADE[db.capabilities.dialect]


MODELS_STATE = (
    "eJztXVtz2zYW/isYvTSZUT2uc93mSU7d1m1id2x32+5qR4JFSMKaBFgCtKLJ5r/vAXiXQFlgNDYl4i"
    "WOgHNA8juH4LkB+NwLuEd8cTQI6Q2/I6z3PfrcYzgg8J+1vj7q4TAselSDxLe+JsYhHcmc7FbICE8k"
    "dEyxLwg0eURMIhpKytVFen/MsURUoDsSSsSnCDM0+O0c6RG+R4zckwjJOUka+ogzf4kWiiciEz5jVB"
    "CBqDxSF/P4BK5G2WyH4w7ZkI3nWMzHajDFcP3z4NuTV6/VmCX+8ZwyCTRSoCmNhERv4Yoe8jH89yWa"
    "zLFCgUSiD8OJCQ+JGGt2BbFQY409HmDKjpLOo2v1Z4wWVM7RhAcBFuiWyAUhTD9qzOjfMQGcZwRGie"
    "CB//0faKbMI5+IyH6Gd6MpJb5XESb11AC6fSSXoW47937UdArE29GE+3HACtpwKeec5cS3S0m0yGeE"
    "kQhL4pWky2LfTzUha0ruFRpkFJP8Jr2iwSNTHPtKRxR3cg9FW280uri8GV2f3YxGvTX9yThKok+bJp"
    "wp3QOxKDw+f0nGLZ5bt/bUBU4/XJ6qkQMh/vZVwz8HV6fnF4Orv559HPz5XHct064Plxc/ZfQhF3IW"
    "6YF6v/9+/kPvi74Ilji5jJZDAXwsSDSyQb/E0FAEKcC5BDKSQgTFW3lAMigw13/XAL8hn6QZ8ox+BW"
    "94iCYK3164b87+vFmBSk1y61CdKk0zY5UxuOnhYdU8/evmbLAKOFzbRjcz+g7qZvJRtAGr4OggXORT"
    "SEHxRtigXx+p79OaN7rKtwJcqn379cWB24U/3/7j5OTFizcnxy9ev3318s2bV2+P3wKtvuH1rjeb5o"
    "Lzn84vbtQNcTDoEoNXNVTxj8g9WIWeNf5VPod/U/yV1T0C68leAqucTgZNZTCJiELIWgJVvkb4t23y"
    "fhoBhBH/L5lIK4+jyrMrw669384deh3K357eGR2/FNV1MfzII0Jn7Fey1OI4h9vGbGJyQNIIzG/FSP"
    "sphKK1mCcjvMjDFCsaCAjAcxOpMbg6u765On8Peq6wvsWTuwWOvFEFdNXDT/hKS0673hWcBKstmOGZ"
    "Bkg9ibrvFfANkbGSXOoDYyU1eDgsNkCSMMzkERqLQIxgVvSoFGN0wRlBAcFM6NgQjyXyaWAKgDUawc"
    "WV2jm79DfElZ42xtFW8A1uUehjZgNURt9BD7I0YxjealbndFe5Dsh4Pvnu5ZuXb1+8fpmbbHnLJkvN"
    "mcWtM4vj0GskgCqfE4CVANaM46ex4K5JdK+NmjUDLu3ZaL+JgmYL8y3gjEqw7z2U8L1DiSXrIbC/BA"
    "JLf4mmPMlBUjahHgGpwC8sdU5QtQcmo25n4zpTz5l6ezVdWaazAFmr7EpK30Go4si3QSolbwRUy6w7"
    "O5yc7eZst24LIDU1rAVQ5Tsgv9DF9Fs3cbuY/iMLYZ9j+gMp8WQeEGYM65d6+xtLXqt0D3uHDFwzSW"
    "Yga2hBc4IjXQOKEegfj6MJeYfAXwtAI8GrmxAUkgiFmEYGh/CrhnI+YDsnnv4GHzCTawKkhd2+xthB"
    "VyfHwEZ9V5jcJ9RKk53/1BrzsfSlsHoB1vncO9DwHXAWvLPgWyeE3VjwNTPNDgA+r452oCCvz7Ktcp"
    "XKQjD4SisyqneWVlRjK2+Jx/KWx8xTC+kYI36yLk4tthNESgBfGD2jLdj0+r7s1xjhSGfIUOiDoHRG"
    "7R2CbrBAVOlUgMNkDWCIYRzwsgi4fSjpzoZEksOIn4c9QbBPvCHc11Av3Uj+h+Hvl3EfqAkap9AlA4"
    "yEhG/3jIyP0JhEEY/GSOClQIv5Em4ZLbAYMo8KBaOHblWbIP7UuXEt/vr0N7hxtt5bh502l/XcPkUV"
    "wywSjMyInXLuE8xqnKwq5+pbDqyHBd7p5eWHymt+er7iP138/vH07OrZd/qVByIqa9wq+HrRe1u8Cy"
    "YH9fZQe3zBRvBdjaQYqSX7lqCb2B38Fpru+6MsGmYoDN2s8Ku8DvjtgVc1tRoAO8zLbA5ui2lGeV0N"
    "8K7wOcC3B/yeRBQuYXBGNuJdZnNwW0wnyr+0Malzhu5VfWXBgXW4fhG8Ri/LPCuIeXSfI4VbY6YjJn"
    "aQ5SxdRAwMU8vdgcocbnugZtkYeDxfRUdHTTNjGwZwMnFZ4r3MErsqW1dl22n8XY7e5ehbJ4R9rrI9"
    "T9ch9ox547SvvzlpXKJ6MGN8MydoFvE4VDnaiIQ8kslmFyqjizziQc8dWa7njLdlVFnjQV5VmxTVPk"
    "sF0EdJjLOPxpphpHePfa62j+UhYSqfnFUTjtG/zq4uk804YMge4ynvsHdU4a7ZexZuBa7CwGsfsTi4"
    "JVG6p6z+PxANmf4J/YjcE7UViHrAiC++EcjnkzvEI49EQmfENYFw6eQWT5TqInXpZPfNejKHpUFF8Z"
    "PVE/duvxkOPx0f7/Cfb3oHI0lXWr+fpfUt81qeUHFtS2XWGLusuJbr4Ff5OghdYqKCGWqDW4Wpe/mk"
    "wqw3JDvrd1uvsrmJsuGm65kjaf2JX2Ps4OseECHAw7eBrcTSQcCEOmaGSqvpsczTRcgklrHdVv85Rw"
    "fhgnnfEB7dWDSTsTxiwUzesrcVM6Ugm8G7qdsQc4XrkHJiO9sRU5fjAmax6TSUWmRXuByyBmRhYoya"
    "5BGrfIcE7SMnEvHkjvGFT7xZAykYmF1Kt6kklK/u3zc6kqXC6CTQVAKurMeV9XRPAGu1DU+bgD+7fy"
    "ALnxD0t0nFj8j91gn5S6aWVevV0Woj4jmMDhrj9dNUNfF0kp0ynYnOLrCenm82TLLEm+FQzLkcozkH"
    "xPLjVvMtko+uM4rvEfb95AoRAQVVV0cBXiL1PYbRxuphSYihU+aZed2W5eUn+QATrA6TUuu3n/3x4j"
    "260VTvOZPgGDzvI6rpIzJkCyxUJYHLv7cxkOjy7+0ThSGka7elUYXJgd8QfPuQiIuGbPLZ7+A5bIKf"
    "GX0HQ5/WDrUzYL82nCHtVg3mDN3L8mb25jpcG5bAlXi6uAauZFfbaNkKWzd0rSWO5Q/Ep/ckWvYMPm"
    "Xe19/kTnplqq0cycx0S0qWkeS6BLu0AK+PeIQwSlPPahcwAQzFaThmx/Lrh00cTZ2N1H5h5mOmj0hJ"
    "gcl1QvUOaMDTw4kfqU9mXMypTxBmiODIpyQasgyh3Lucq73JgD5mU8qomBMPxrnl3jJzbhWVSA8Jki"
    "QUWZG4+jFOisKnNBKyNIJ6WBhlwaM7VUaeerUCnlVtK619WQHOsKoVR8oNdn5qm+1z56e2RhTlU8mZ"
    "XXFsicGB3hD0J9/yeH8si8MLz3Qee23KWAFf5nCo70dMrGWAu5DY0xXoYhZjwyKGjfWABZOrCLSoCK"
    "wrVL0OsO/XH5FdV6y614HIFydvXuevufqx6Q2//jj48MGw64V2hO1CugXPAU2cjxzVJZ9CCt8ya+yr"
    "fIekzY8dVpeSBKFpt7T66tcSy+Mhf7wnBkMSxDJ8BemsFtGCx80kTRVZhSBt8h0ZfbNcR8sgtzPU8n"
    "CsjZdQ5nFvfc3iNKO3++D6NLPH2wWXYaL2TVI7c2NhOqunHrk1xm4k3tw2ug31zNV/u/rvTgsgzeM2"
    "29ixwulM1D2swf+AGekZyiR0e39TiYSfUWy18R1IN9aV6KbyhbQ5Ow9NHxSdpnfNu+E1Hi0phvC5FH"
    "k1QRgRoUorFtST8z4aT3wuQKdjJqmf7Fzng/rqYRXk3/IpDMg8pJR6yHwaUAlcU0z9GEYa677xDO5g"
    "jPRCULRQZQqqX5XcM3UGtqtUaHnWpL5SoXWZ207Iw1WKtAD6dEK18sYKlg46sTo00iSBsMLoDKumxq"
    "3+0lsEs3L6Q3IodhbLKltGlu7yCufBxAkfWZ8zK9NCpcssBwP7zlRaoQPXGwma7tO+vU6vsbppuqla"
    "K2/JQqUzcqfOJiCb6HKVzynyHgZyzj0ShFwSNln+SowrX1Yo+hu3Uyhot4vxDNS2/8mKDIwmPlURlR"
    "m+J2rFCkZBLNP4jIqO6ICICqxkzdAqFiqSuB7t2dG4Ou5DWRjL9OgCSXxfqFgMCYmkmnga8QA4uIrF"
    "JJslxGqfhWTJCUCZH87g4jZtdVbr4zaWuwF/zT7AbXMD7JxWHpIkTGUDV4Wpg6AVM8s6aht2T66yuc"
    "DUNu+6aftk6FKPsAZ9fZFPwdHFJc0u6+3OcmsH/I9jGKyZ6O4sN4MQ9vkstwGJ6GTeM3g9aU9/k7eD"
    "C5qHHJ16UHftFdRFP4zvv2HyTSXYWp9gN7GPeov/nkTCaMa+n+PIDG2J5SCMWHhfPo18wmZSvRonr1"
    "5tABRm1/c/D66eAdXz6ufrIu06SfpWlgmEhmLheoRT8gNE97vj4y3QBapadHXfiqGm9mQ07Tvzy/Xl"
    "RY2NVrAYTFv0PwTW3R5/pEzgKjAqlkKGaW4olOB+bzAT1ACnTx3K+/J/GCf1rw=="
)
