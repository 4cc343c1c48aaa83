from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

UPGRADE = {
    "postgres": """
-- When a run that must not be repeated was allowed to begin; see delivery/runs.py.
ALTER TABLE attempt ADD marked_at BIGINT;
CREATE INDEX attempt_marked ON attempt (marked_at) WHERE marked_at IS NOT NULL;
""",
    "sqlite": """
-- When a run that must not be repeated was allowed to begin; see delivery/runs.py.
ALTER TABLE attempt ADD marked_at BIGINT;
CREATE INDEX attempt_marked ON attempt (marked_at) WHERE marked_at IS NOT NULL;
""",
}

DOWNGRADE = {
    "postgres": """
DROP INDEX attempt_marked;
ALTER TABLE attempt DROP COLUMN marked_at;
""",
    "sqlite": """
DROP INDEX attempt_marked;
ALTER TABLE attempt DROP COLUMN marked_at;
""",
}


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE[db.capabilities.dialect]


async def downgrade(db: BaseDBAsyncClient) -> str:
    return DOWNGRADE[db.capabilities.dialect]


MODELS_STATE = (
    "eJztXW1z2zYS/isYfUkyo3pSJ2lyySc7TVvfJXbHdvpypxsKIiGJZxJgCciyJpf/frvgiyiKlAVGZ1"
    "MivsQRuAuSzwLgvmHxpRcKjwXy6CTyr8UN47235EuP05DBf9au9UmPRtHyCjYoOgo0MY18R+VkI6li"
    "6iq4MKaBZNDkMenGfqR8gTfp/T6liviS3LBIETEmlJOTX8+I7uEt4eyWxURNWdLQJ4IHCzJHnpi5Ys"
    "J9ySTx1RHezBMu3M3nkx32O+ADPpxSOR1iZ8hw9cvJd8evfsA+C/zDqc8V0ChJxn4sFXkDd/RIQOG/"
    "L4k7pYgCi2UfupOuiJgcanaEWGJfQ0+E1OdHycWjK/wzJHNfTYkrwpBKMmJqzhjXrzrj/l8zBjhPGP"
    "QSwwv/69/Q7HOP3TGZ/YxunLHPAm9FmL6HHeh2Ry0i3Xbm/aTpEMSR44pgFvIlbbRQU8Fz4tFCMS3y"
    "CeMspop5BenyWRCkIyFrSp4VGlQ8Y/lDessGj43pLMAxgtzJMyzbeo5zfnHtXH24dpze2vjJOAqiT5"
    "tcwXHsgVgQjy9fk36X761be3iD048Xp9hzKOVfATb8dnJ5enZ+cvnn008nfzzTlxbppY8X5z9n9JGQ"
    "ahLrjnqfP5/92Puqb0IVTW6j5bAEfiZZ7JigX2BoKIIU4FwCGclSBMtZeUAyWGKu/64Bfs3uVDXkGX"
    "0Jb3iJJgO+vXBff/jjugQVLnLrUJ3iSKvGKmOwy8P9Q/P0z+sPJ2XA4d4mYzOj7+DYTD6KJmAtOToI"
    "F7uLfBh4Dq0YX5/8IPBrZvQqXwm4dPTt1xcHHhf+fPe34+MXL14fP3/xw5tXL1+/fvXm+Rug1Q+8fu"
    "n1prXg7Oez82t8IAEKXaLwYsMq/jG7Ba3QM8Z/lc/i3xR/1Lod0J7MJVDmtDJoKgM3ZoiQsQRW+Rrh"
    "37bF+3EEEMXiP8xVRhbHKs+uFLv2fjt3aHWgvT2+qTT8UlTXxfCTiJk/4f9gCy2OM3hsyt0qAyT1wP"
    "y67Gk/hbBsXa6TMZ3nborSCAQE4L2Z0hhcfri6vjx7D+McsR5R92ZOY89ZAR2viGNRaslp1y+Fx2G5"
    "hXI60QDhm+Bzl8Cv8IwV5FLvGCsMg/vdYidEMU65OiJDGUoHVkXPV3JIzgVnJGSUS+0bEjNFAj+sco"
    "A16sH6ldq5uvQ3+JUe18fRVvArzKIooNwEqIy+gxZkYcWomNW8zuhe5Tog5fn4+5evX7558cPLXGXL"
    "WzZpalYtbp1aPIu8RgJY5bMCMBLAmnL8OBrcFYtvtVKzpsClVzbqb3JJs4X6FgruK9DvPZLwvSOJJu"
    "sR0L8kAU1/QcYiiUH63PU9BlKBX1TpmCC2h1VK3c76taqeVfX2arkyDGcBskbRlZS+g1DN4sAEqZS8"
    "EVAt0+7McLK6m9Xdui2AVNUwFsAq3wHZhdan37qF2/r0H1gI++zTP1GKutOQ8Uq3fuFqf2PK6yrd/d"
    "YhB9NMsQnIGlrIlNFY54BSAuNPzGKXvSNgr4UwIsGqcxmJWEwi6scVBuE3dWVtwHYuPP0NNmAm1wRI"
    "A719jbGDpk6OgcnwLTHZT6jRSLb2U2vUx8KXwmgCrPPZOdBwDlgN3mrwrRPCbjT4mpVmBwCfrfZ2oC"
    "Cvr7KtMpWKQqiwlUoyqjeWSkNjK2tJzNRIzLiHG+k4Z0GyLw4320mmFIAvKy2jLdj0/r7s15DQWEfI"
    "SBSAoHRE7R2By6CBYOpUSKNkD2BEoR+wshiYfSS5nHVJlIAevwx6ktGAeQN4roHeupH8j8Lfr8M+UD"
    "MyTKFLOnCkgm/3hA2PyJDFsYiHRNKFJPPpAh6ZzKkccM+XCKNHRtgmWTAGYsXicEhceFF4samYw4Mp"
    "xlMeIuGd3SmGB8fjtxgr9G9Z7Cd7Dim8PBiMgY97IaEX/fouzsUAbtInXOBr6RSykPrBSNzluyCp58"
    "FKmwYW4VZ4HX6JPpijAx6IOXTpUgnW5xwMS5bSSbBLcVfbE9knQ3wOGHveUO+UzH+CmjckYxFAH/pO"
    "SG+N1RZ/Y/sbjFVTG7XDpqmN7W4fiJvBWhk61YidChEwymtMyVXO8iwH1sMC7/Ti4uPKND89K1mJ55"
    "8/nX64fPq9nvJA5Ksa4xG+0fDpMMR7yWSh3h5qT8y5A9pDrKSDhQkMQa9it/AbjPQgcDKfX0X66+YB"
    "X+a1wG8PPGYOawDMMC+yWbgNlhm0LRvgvcJnAd8e8MzEMcS7yGbhNofbOOBQYrT5Kk0DDqnXwMSsKb"
    "B0L8NQ+31M0MoZuocVOqwqvDp1e5My8ocLHz7//07lnW1Jyryf62D+XYqaT1KRp4So5+9zKGTLwZe6"
    "hM0gy1m6iBjYpIblz4octv5Zs3AzvF6A4R+naeh/QwdWJjYNZi+1UruNwG4j6DT+NgnJJiG1Tgj7vI"
    "3gLN1o3atMjEmv9TdnxRSo7k2JuZ4yMonFLMIsjphFIlZJNR9MWSEe8+DKDVusJ8Vsy4hpMSf5toFk"
    "18DTVAB9koQ3+mSoGRxdHvsZZneIiHFMmMnSpYfknx8uL5JqQ9Blj4uUd9A7WuGuKa4NjwJ34exOOX"
    "wWjlicFs3W/weiAdc/4TphtzpRBV8wFvMnkgTCvSEi9lgsdcqPJpA2k6TFCyXepC6TxH6zHs1gabBl"
    "4tE2TPRGTwaDu+fPd/jPk97BSNLuHdrPvUMts1oeceCaZsmtMXZ54BoW+ijzdRC6REUFNdQEtxWm7g"
    "Xmlmr9OmgbjpNYZbMLZcNTJTJD0vgTv8bYwekeMinBwjeBrcDSQcAknqPlK6PlscjTRcgUVTOzs0xy"
    "jg7CBet+hXt0Y75cxvKAuXJ5y94myxWcbBXWTV1WTYnrkGJiO8uv0Zn4jt6fZ4BsicsiW5W5pGjcJI"
    "64yndI0D5wIJG6N1zMA+ZNGkihgtmGdJtKAm314LbRmVMrjFYCTSVg03psWk/3BLCW2/C4AfgPt/dE"
    "4ROC/jaheIfdbh2Qv+BY4kCXf8BCB1PoHUYMllDQujHzdJDd5zoSnd1gPTzfrJukhgWnkZwKNSRTAY"
    "jl50nnNeCPrjKKt4QGQXKHmMEAxbuTkC4Ifo+htyG+LIsoXFR5ZF63ZXF5N+/ApXhaHlaAePr7i/fk"
    "WlO9F1yBYfCsT3xNH7MBx1oUgjMbf2+jI9HG39snigqXrlnNthUmC35D8M1dItYbsslmv4H3MHF+Zv"
    "QddH0aG9RWgf1Wd4Yy236ZM3Qvypvpm+twbdgCV+Dp4h64gl5tMspKbN0Yay0xLH9MCuYtehU2ZX6t"
    "v8mc9IpUWxmSmeqWpCwTJXQKdmEDXp+ImFCShp6xzKEEhuVxX9WG5bd3mxiaOhqp7cLMxlxWFcwxuU"
    "qo3gENWHo0sSP10bPzqR8wQjlJKw8OeIZQbl1Osfgi0M/42Oe+nDIP+hkJb5EZt0gl01PQFItkliSO"
    "P4ZJUvjYj6Uq9IAvC73MRXyDaeSpVSvhXbFuvrZlJRjDmCtOwAx+l9VV9HX2+IAXcHqCRRmXFRZD6j"
    "ENHR4er+slEjrBNxgtwILnnjV5W63qW5O3NaJYQh9QbpZnW2CwoDcE/dHLw++PknJ4np7OY6+1IiPg"
    "ixwW9f1wr7UMcOtde7xcX8pntGI/xMbUwiWTTS40SC6sy3m9CmkQ1E712rzXvfZpvjh+/UM+zfHHph"
    "l+9enk48eKAhrapjbzDi95DmjhfGAHMbuLfPiWGWO/yndIo/mhPfRKsTCqKrxWn0hbYLHF/8qAJv6w"
    "iq+gP6lFdMljV5KmAxm9mSahk4y+WdikZZCbKWq5Z9fESijy2Flfs8+t0tq9d6tbtcXbBZPBlpzd0f"
    "hLzphyYkZl1QFx9UNwjbEbwVBbI7rhQUE2J9/m5HdaAGlsvVmxzRVOq+vv4b6Ij5SzXkXqim7vb0pb"
    "CTKKrYoRgnRnendAVUpJ2pwdwokHT5I0Tl5dobBxb0mCSiCUzDM8opjplIy576lpnwzdQEgY0zOu/C"
    "CpJhjA8NXdIuTfifFYn0eJg3rAAz/0FXCNqR/MoKf0rMoJPEF65CaZY+oIXsdtEBweJhZzm/LR6vBT"
    "fcpH60LgnZCHTblpAfTpgmpkjS1ZOugN0D6mJpGYEqNVrJoqt/pLb+CQyekPyaDYnVOmoBkZmsslzo"
    "NxeD3weM60TIMhXWQ5GNh3NqQRHbifI/20dv72Y3qN1S7TTYc1WksGQzojt8O5CsgmY3mVzw7kPXTk"
    "nAvlj31XW5iXs6DSqbNG09/k4OEFaifOyO/19pwo3Lszi2G8uIs+oWQmWaydLSLwiLiFH3C9YA+nu3"
    "r8WAL1GF0tUoSMKD9k696fnfauvUFRQF02hFY86SLp74kk+L7yrXb/6DMu9B1Vsmmoj816907+jNaV"
    "01b7td6Vkw4iE3u2wNJBe1ZPH0cy6MQzSrAq81nrqurMLVyHDFDN6S2atthaO1QhG9htkQAePVLRNj"
    "HYYEWHoEc13gj3AoMF3QD0NfPXnl1ZIYTdnF1ZHuA7QPZz2s2BwlqY1VtgWvj07QDas9XeDhThdXWh"
    "VQevXjMa9ipcYbq9v8n9pTKKez1eOIew4osgNGaJIypzBK07sO4jtp6kdn7n+hs8SaZnznX4qDlrl1"
    "u7vNsCsEahtU9aJ4Td2CePp+J9YrroS42il169V91zwiXh/XHOJPQ4YoHgE4w/Ekqwk3eEqiRmKGDM"
    "kAhoIupXaIJNOrDaYTtXmU3aoVV5HvmLq6e2yfAvMNhvrdEssA7YNik4mQvjG7WbzFeyn/Dfq9oUZr"
    "v1uz6Y3/VxdEUNe4WWmImjXj8ENSytKHC/anglQob1WLSbL89NG2+qv30/i05WC6kfjMRdvnmReh6s"
    "BnjUEwnEHDRFl+IDjbAf351qDVPqLYkFP61E1+OAuyLEmvHeEbnALZKJkLxEKRU8WOgbIE54s4CNVZ"
    "+MRZxsZ4zZGDsGnRWIQquatvj7sEk1tY7L7atq4NQzwSpn6F5VjXSVMkGrwNI9vPRQcfCABGAwNxQr"
    "2W0Sf2MH7bRyO0r92M0ZujdyrW/DhnO6LYBUbW5SPYd9owBatnLYcFpbF24bTntgIexzOO03rUcm2/"
    "56Fa6Slev9TS6T2zLlFjE1F7rR/gpKAp/fJOduzVnMknOzMEjGM69HH39KhieGaZcD+iIWhMaxf1u1"
    "c3B3fWtXDPbmTKmcpiWflLhhPGuAPm/Ygnnk6RCG/SU8wpHnT5hUcvjsHRlKRgPmZYeVaY8K9D/g2c"
    "lqki7gCXS5BDxEzJd6Z+MRGeLp3h6MJK5PTNPHkQl9JDhNjhrjQqEDxx4p1uY1tL8pWGiL7BhuSkzm"
    "qwlgBZYOApavW+uQneKkrRlkRS6rMW0z20//vP5wUg5F5x8JI/RX2exS2wz85KtrslIsObrn2pnHgk"
    "+cyQxWSqOCQ2t8tkxLTc3dhZHRWmKy5SMb1TC0/kp7QFKnBdA4ymTjSzuSQNGGNxNBmdPKwHqN9+4T"
    "bBNDrau+RUKwO/Nthmgx/HHmsTASCsu8gax6FQGQEkV/UwjEX9JuGwG5YYvEn0+JG/gYmJjQW5ZsDw"
    "pnKj3nAkMOWdwgb4ZWifEMryr6sZN+deTD59FMpZEOxYIAyybGLGLK18TjWITAIXTYxKVBQGYwFHUE"
    "hUhMJ4UnsfGJFn84+hviEzfMqGBiSt5BN7uIWF0lkXq4Vpg6CNpyZTFyj6+yWSVxm7le5SCHS/gKa9"
    "DXnzq75Gh27uwegW6zH60Z31r4rUXZHiHsc/LXCYt9d9qrsHrSK/1N1g5d0txn6NSDumuroC5OWTn/"
    "KxbfVIKttQl2E5ys1/hvWSwr1dj3UxrXhgrkISmxMF/unIDxicKpcfzq1QZAYXV9/8vJ5VOgerb6+T"
    "pPLx0n10ppTFHF6fX1CKfkB4ju98+fb4EuUNWiq6+Vc564YrxKs726OK9LeMpZKlRb8l8C2t0ef6Sq"
    "wEUwVjSFDNNcUSjA/b5CTcAOTh/7SJSv/wMWQhut"
)
