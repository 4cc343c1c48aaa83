from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

UPGRADE = {
    "postgres": """
CREATE TABLE network_monitor (
    id UUID NOT NULL PRIMARY KEY,
    project_id UUID NOT NULL REFERENCES project (id) ON DELETE RESTRICT,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    port INT,
    url TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX network_monitor_page ON network_monitor (project_id, created_at, id)
    WHERE deleted_at IS NULL;
CREATE INDEX network_monitor_deleted ON network_monitor (deleted_at, id)
    WHERE deleted_at IS NOT NULL;

-- What an integration is attached to is listed in the order of attaching.
DROP INDEX attachment_integration;
CREATE INDEX attachment_integration ON attachment (integration_id, created_at, id);

-- Who hears of every resource.
CREATE INDEX integration_all_resources ON integration (project_id)
    WHERE all_resources AND deleted_at IS NULL;
""",
    "sqlite": """
CREATE TABLE network_monitor (
    id BLOB NOT NULL PRIMARY KEY,
    project_id BLOB NOT NULL REFERENCES project (id) ON DELETE RESTRICT,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    port INT,
    url TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX network_monitor_page ON network_monitor (project_id, created_at, id)
    WHERE deleted_at IS NULL;
CREATE INDEX network_monitor_deleted ON network_monitor (deleted_at, id)
    WHERE deleted_at IS NOT NULL;

-- What an integration is attached to is listed in the order of attaching.
DROP INDEX attachment_integration;
CREATE INDEX attachment_integration ON attachment (integration_id, created_at, id);

-- Who hears of every resource.
CREATE INDEX integration_all_resources ON integration (project_id)
    WHERE all_resources AND deleted_at IS NULL;
""",
}

DOWNGRADE = {
    "postgres": """
DROP INDEX integration_all_resources;
DROP INDEX attachment_integration;
CREATE INDEX attachment_integration ON attachment (integration_id);
DROP TABLE network_monitor;
""",
    "sqlite": """
DROP INDEX integration_all_resources;
DROP INDEX attachment_integration;
CREATE INDEX attachment_integration ON attachment (integration_id);
DROP TABLE network_monitor;
""",
}


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE[db.capabilities.dialect]


async def downgrade(db: BaseDBAsyncClient) -> str:
    return DOWNGRADE[db.capabilities.dialect]


MODELS_STATE = (
    "eJztXW1z27gR/isYfUkyw/PknOSSJp/sXK51m9g3tu+tVYeCSUhiTQI8ArKsud5/7y74IooiZYFRbU"
    "rElzgCd0HyWQDcNyz+GETCZ6E8OomDa3HL+OA9+WPAacTgP2vXHDKgcby8gg2K3oSamMaBqwqyG6kS"
    "6im4MKahZNDkM+klQawCgTcZ/DKligSS3LJYETEmlJOTH8+I7uE94eyOJURNWdrgEMHDBZkjT8I8Me"
    "GBZJIE6ghv5gsP7hbwyQ77HfIhH02pnI6wM2S4+tvJN8dvvsM+S/yjacAV0ChJxkEiFXkHd/RJSOG/"
    "r4k3pYgCS6QD3UlPxEyONDtCLLGvkS8iGvCj9OLRFf4ZkXmgpsQTUUQluWFqzhjXrzrjwe8zBjhPGP"
    "SSwAv/69/QHHCf3TOZ/4xv3XHAQn9FmIGPHeh2Vy1i3Xbm/6DpEMQb1xPhLOJL2nihpoIXxDcLxbTI"
    "J4yzhCrml6TLZ2GYjYS8KX1WaFDJjBUP6S8bfDamsxDHCHKnz7BsG7ju+cW1e/Xp2nUHa+Mn5yiJPm"
    "vyBMexB2JBPP74M+13+d66dYA3OP18cYo9R1L+HmLDzyeXp2fnJ5e/Pf9y8usLfWmRXfp8cf7XnD4W"
    "Uk0S3dHgp5/Ovh/8qW9CFU1vo+WwBH4mWeKaoF9iaCmCDOBCAjnJUgTLWXlAMlhirv+uAX7N7lU95D"
    "l9BW94iTYDvrtwX3/69boCFS5y61Cd4kirxypnsMvDw0Pz9LfrTydVwOHeJmMzp+/h2Ew/iiZgLTl6"
    "CBe7jwMYeC6tGV9fgjAMGmb0Kl8FuGz07dcXBx4X/nzzl+PjV6/eHr989d27N6/fvn3z7uU7oNUPvH"
    "7p7aa14OyvZ+fX+EACFLpU4cWGVfwTdgdaoW+M/yqfxb8t/qh1u6A9mUugymll0FYGXsIQIWMJrPK1"
    "wr9ri/fTCCBOxH+Yp4wsjlWeXSl23f127tDqQHt7fFtr+GWorovhB5GwYML/wRZaHGfw2JR7dQZI5o"
    "H5cdnTfgph2bpcJxM6L9wUlREICMB7M6UxuPx0dX159hHGOWJ9Q73bOU18dwV0vCKORaWloF2/FB1H"
    "1RbK6UQDhG+Cz10Bv8YzVpJLs2OsNAwedoudEMU45eqIjGQkXVgV/UDJETkXnJGIUS61b0jMFAmDqM"
    "4B1qoH61fq5uribPArPa2Po6vg15hFcUi5CVA5fQ8tyNKKUTOreZPRvcp1QMrz8bev375+9+q714XK"
    "VrRs0tSsWtw5tXgW+60EsMpnBWAkgDXl+Gk0uHOm5iK5/SJ4oERSp8hVKDbqczyldaMS8YN63ZWIQL"
    "MCqRCVBShDgT4fAj8ExiQpyfr9QFLV1yegsEkCpsECFLVbRiRLgFCua3w77FuHPW9hXOqwJy2ik6CV"
    "iFnisSpS/0BSq0FaDXL/VkEzxQjnhAlUOX0PoZrCIDSKb2X0PYQqFkkNVI16dk5uFewa/S4JTQZdRt"
    "5qzHUMSbMhZw0Ra4j0WwCZCmwsgFW+A1qDbYCqcwu3DVA9shD2OUB1pY33QY1bI7vibHJnyCXNFtGp"
    "zOnB/MxlUOdRGIs0xTrgXuAzwDn1S+CzYXtUF7PaWb/WD9HNZcixfghrXD8qVNYitBbhXijE1iK0Fm"
    "Gv8bcWobUIOyeEfbYIT5Si3jRivDZrsXTV2bijd5XuYeuQg2mm2ARkDS1kymiit7hSkoePP2BIOoIR"
    "CVadx0jMEhLTIKkxCL+qK2sDdnPhcTbYgLlcUyAN9PY1xh6aOgUGJsO3wmQ/oUYj2dpPnVEfS18Kow"
    "mwzmfnQMs5YDV4q8F3Tgi70eAbVpodAHy22tuBgry+ynbKVCoLocZWqsio2ViqDI2trCUxUzdixn2s"
    "E8Q5C9OyP1hLSDKlAPyaZN/t2HQeb/5rRGiiI2QkDkFQOqL2gcBl0EBwZ1hE47TEUUyhH7CyGJh9JL"
    "2cd0mUgB7/GA4koyHzh/BcQ12ZIv0fhb9/jhygZmSUQZd24EoF3+4JGx2REUsSkYyIpAtJ5tMFPDKZ"
    "UznkfiARRp/cYJtk4RiIFUuiEfHgReHFpmIOD6YYz3iIhHf2phgeHI/fY6wwuGNJkJZUovDyYDCGAZ"
    "Z6gl7063s4F0O4iUO4wNfSO+QiGoQ34r4o8kR9H1baLLAIt8Lr8Es4YI4OeSjm0KVHJVifczAsWZFw"
    "TQkW7XkmHTLC54Cx5490IajiJ6h5IzIWIfSh74T01ljt8DfW2WCsmtqoPTZNbWx3+0DcDNbKyK1H7F"
    "SIkFHeYEquclZnObAeFninFxefV6b56VnFSjz/6cvpp8vn3+opD0SBajAe4RsNnw5DvJdMFurtofbF"
    "nLugPSRKulh30RD0OnYLv8FID0O32MdlOuCrvBb47YHHjdEaADPMy2wWboNlBm3LFniv8FnAtwc8N3"
    "EM8S6zWbjN4TYOOFQYbb5K24BD5jUwMWtKLP3LMNR+HxO0Cob+YYUOqxqvTtOW0Jz88cKHL/+/U3ln"
    "G0Jz7+c6mH+XouGTVOapIOoH+xwK2XLwZS5hM8gKlj4iBjapYXX3Moct794u3AyvF2L4x20b+t/QgZ"
    "WJTYPZS63UbiOw2wh6jb9NQrJJSJ0Twj5vIzjLNloPahNjsmvO5qyYEtWDKTHXU0YmiZjFmMWRMCx3"
    "lBYrxpQV4jMfrtyyxXpSzLaMmBZzUmwbSHcNPM8E4JA0vOGQkWZw9elfLzC7Q8SMY8JMni49Iv/8dH"
    "mRFlOGLgdcZLzDwdEKd8PZYfAocBfO7pXLZ9ENS7IzwfT/gWjI9U+4TtidTlTBF0zE/BmW9vNuiUh8"
    "lkid8qMJpM0k6fBCiTdpyiSx36wnM1habJl4sg0Tg5tnw+H9y5c7/OfZ4GAkafcO7efeoY5ZLU84cE"
    "2z5NYY+zxwDQt9VPl6CF2qooIaaoLbClP/AnNLtX4dtA2nZa6y2YWy5aGZuSFp/IlfY+zhdI+YlGDh"
    "m8BWYukhYBKPCQ+U0fJY5ukjZIqqmdlRrQVHD+GCdb/GPboxXy5necRcuaJlb5PlSk62GuumKaumwn"
    "VIMbGd5dfoTHxX788zQLbCZZGty1xSNGkTR1zlOyRoHzmQSL1bLuYh8yctpFDDbEO6bSWBtnp41+pI"
    "7RVGK4G2ErBpPTatp38CWMtteNoA/Ke7B6LwKYGzTSjeZXdbB+QvOJY4KE6Wm0LvMGKwhILWjZmvg+"
    "wB15Ho/Abr4fl23aQ1LDiN5VSoEZkKQKw4kK6oAX90lVO8JzQM0zskDAYo3p1EdEHwewy9jfBlWUzh"
    "oioi87otj8t7RQcenUl4rECR57+8+kiuNdVHwRUYBi8cEmj6hA051qIQnNn4excdiTb+3j1R1Lh0zW"
    "q2rTBZ8FuCb+4Ssd6QTTa7PR9ya9ensUFtFdivdWcos+2XBUP/ory5vrkO14YtcCWePu6BK+nVJqOs"
    "wtaPsdYRw/L7tGDeYlBjUxbXnE3mpF+m2sqQzFW3NGWZKKFTsEsb8Bwi8KzyLPSMZQ4lMCyP+6o3LL"
    "++29TQ1NFIbRfmNuayqmCByVVK9QFowNKjqR15jjecT4OQEcpJVnlwyHOECutyisUXgX7GxwEP5JT5"
    "0M+N8Be5cYtUMjsFTbFY5kni+GOUJoWPg0SqUg/4stALHsmOaeSZVSvhXbFuvrZlJRjDmCtOwAz+kN"
    "dVDHT2+JCXcHqGRRmXFRYj6jMNXUhlWi+R0Am+wc0CLHjuW5O306q+NXk7I4ol9CHlZnm2JQYLekvQ"
    "n7w8/P4oKYfn6ek99lorMgK+zGFR3w/3WscAt961p8v1pXxGa/ZDbEwtXDLZ5EKD5MKmnNeriIZh41"
    "RvzHvda5/mq+O33xXTHH9smuFXX04+f64poKFtajPv8JLngBbOR3YQs/s4gG+ZMfarfIc0mh/bQ68U"
    "i+K6wmvNibQlFlv8rwpo6g+r+QoGk0ZElzx2JWk7kNGbaRI6yenbhU06BrmZolZ4dk2shDKPnfUN+9"
    "xqrd0Ht7rVW7x9MBlsydkdjb/0jCk3YVTWHRDXPATXGPsRDLU1olseFGRz8m1Ofq8FkMXW2xXbXOG0"
    "uv4e7ov4TDkb1KSu6HZnU9pKmFNsVYwQpDvTuwPqUkqy5vwQTjx4kmRx8voKha17SxNUQqFkkeERJ0"
    "ynZMwDX00dMvJCIWFMz7gKwrSaYAjDV3eLkH8jxmN9HiUO6iEPgyhQwDWmQTiDnrKzKifwBNmRm2SO"
    "qSN4HbdBcHiYRMxtykenw0/NKR+dC4H3Qh425aYD0GcLqpE1tmTpoTdA+5jaRGIqjFaxaqvc6i+9gU"
    "OmoD8kg2J3TpmSZmRoLlc4D8bh9cjjOdcyDYZ0meVgYN/ZkEZ04H6uDLLa+duP6TVWu0y3HdZoLRkM"
    "6ZzcDuc6INuM5VU+O5D30JFzLlQwDjxtYV7OwlqnzhqNs8nBw0vUbpKTP+jtOVG4d2eWwHjxFg6hZC"
    "ZZop0tIvSJuIMfcL1kD2e7eoJEAvUYXS1SRIyoIGLr3p+d9q69QXFIPTaCVjzpIu3vmST4vvK9dv/o"
    "My70HVW6acjBZr17p3hG68rpqv3a7MrJBpGJPVti6aE9q6ePKxl04hslWFX5rHVVd+YWrkMGqBb0Fk"
    "1bbK0bqpAN7HZIAE8eqeiaGGywokfQoxpvhHuJwYJuAPqa+WvPrqwRwm7OrqwO8B0g+1PWzYHCWprV"
    "W2Ba+vTtANqz1d4OFOF1daFTB69eMxoNalxhut3Z5P5SOcWDHi+cQ1jxRRCasNQRlTuC1h1YDxFbT1"
    "I3v3POBk+S6ZlzPT5qztrl1i7vtwCsUWjtk84JYTf2ydOpeF+YLvrSoOhlVx9U99xoSfhwnDMNPd6w"
    "UPAJxh8JJdjJB0JVGjMUMGZIDDQxDWo0wTYdWO2wm6vMJu3QqjxP/MXVU9tk+JcY7LfWaBZYB2yXFJ"
    "zchfGV2k3uK9lP+B9UbUqz3fpdH83v+jS6ooa9RkvMxdGsH4IallUUeFg1vBIRw3os2s1X5KaNN9Xf"
    "fphFJ6tFNAhvxH2xeZH6PqwGeNQTCcUcNEWP4gPdYD+BN9UaptRbEkt+WomuxyH3RIQ14/0jcoFbJF"
    "Mh+alSKni40DdAnPBmIRsrh4xFkm5nTNgYOwadFYgiq5p2+PuwSTW1jsvtq2rg1DPBqmDoX1WNbJUy"
    "QavE0j+89FBx8YAEYDA3FGvZbRJ/awfttHY7SvPYLRj6N3Ktb8OGc/otgExtblM9h32lADq2cthwWl"
    "cXbhtOe2Qh7HM47WetR6bb/gY1rpKV684ml8ldlXKLmJoH3Wh/BSVhwG/Tc7fmLGHpuVkYJOO518PB"
    "n5LhiWHa5YC+iAWhSRLc1e0c3F3f2hWDvblTKqdZySclbhnPG6DPW7ZgPnk+gmF/CY9w5AcTJpUcvf"
    "hARpLRkPn5YWXaowL9D3l+spqkC3gCXS4BDxELpN7ZeERGeLq3DyOJ6xPT9HFkQh8JTtOjxrhQ6MCx"
    "R4p1eQ11NgULbZEdw02J6Xw1AazE0kPAinVrHbJTnLQNg6zMZTWmbWb76W/Xn06qoejiI2GE/iqbXW"
    "rbgZ9+dU1WiiVH/1w780TwiTuZwUppVHBojc+WaWmoubswMlorTLZ8ZKsahtZfaQ9I6rUAWkeZbHxp"
    "RxIo2/BmIqhyWhlYr/HefYJtYqh11XdICHZnvs0QLYc/znwWxUJhmTeQ1aAmAFKhcDaFQIIl7bYRkF"
    "u2SP35lHhhgIGJCb1j6fagaKaycy4w5JDHDYpmaJUYz/Droh876VdHPgIez1QW6VAsDLFsYsJipgJN"
    "PE5EBBxCh008GoZkBkNRR1CIxHRSeBIbn+jwh8PZEJ+4ZUYFEzPyHrrZRcyaKok0w7XC1EPQliuLkX"
    "t8lc0qidvM9ToHOVzCV1iDvvnU2SVHu3Nn9wh0m/1ozfjOwm8tyu4IYZ+Tv05YEnjTQY3Vk11xNlk7"
    "dEnzkKHTDOqurYKmOGXt/K9ZfDMJdtYm2E1wslnjv2OJrFVjP05p0hgqkIekxMJ8uXdDxicKp8bxmz"
    "cbAIXV9ePfTi6fA9WL1c/XeXbpOL1WSWOKa06vb0Y4Iz9AdL99+XILdIGqEV19rZrzxBXjdZrt1cV5"
    "U8JTwVKj2pL/EtDu9vgjVQcugrGiKeSYFopCCe6PNWoCdnD61Eei/Pk/h9mGlw=="
)
