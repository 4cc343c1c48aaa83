from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

UPGRADE = {
    "postgres": """

        ALTER TABLE "integration" ADD "term" INT NOT NULL DEFAULT 0;
        ALTER TABLE "delivery" ADD "term" INT NOT NULL DEFAULT 0;
""",
    "sqlite": """

        ALTER TABLE "integration" ADD "term" INT NOT NULL DEFAULT 0;
        ALTER TABLE "delivery" ADD "term" INT NOT NULL DEFAULT 0;
""",
}

DOWNGRADE = {
    "postgres": """

        ALTER TABLE "integration" DROP COLUMN "term";
        ALTER TABLE "delivery" DROP COLUMN "term";
""",
    "sqlite": """

        ALTER TABLE "integration" DROP COLUMN "term";
        ALTER TABLE "delivery" DROP COLUMN "term";
""",
}


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE[db.capabilities.dialect]


async def downgrade(db: BaseDBAsyncClient) -> str:
    return DOWNGRADE[db.capabilities.dialect]


MODELS_STATE = (
    "eJztXVtz2zYW/isYvSSZUTyOc23yJKdu6zaxO7azbXe1Q8EkJHFNAiwBWdZk89/3ALzfZIHR2pSIlz"
    "gCzgHJ74DgueHg68BnDvH4wShwr9gNoYP36OuAYp/Afyp9QzTAQZD1yAaBrz1FjAPXEinZNRchtgV0"
    "TLHHCTQ5hNuhGwiXyYsM/phjgVyObkggEJsiTNHo91OkRniPKLklIRJzEjUMEaPeCi0lT0hsNqMuJx"
    "y54kBezGE2XM2lsy2OO6ZjOpljPp/IwSTD5S+j50ev38gxc/yTuUsF0AiOpm7IBXoHV3SQh+G/r5A9"
    "xxIFEvIhDMdtFhA+UewSYi7HmjjMxy49iDoPLuWfCVq6Yo5s5vuYo2siloRQ9agL6v69IIDzjMAoIT"
    "zwv/4NzS51yB3hyc/gxpq6xHMKwnQdOYBqt8QqUG2nzk+KToJ4bdnMW/g0ow1WYs5oSny9EkSJfEYo"
    "CbEgTk66dOF58UxImqJ7hQYRLkh6k07W4JApXnhyjkju6B6ytoFlnZ1fWZcnV5Y1qMyfhCMn+rjJZl"
    "TOPRCLxOPrt2jc7LlV60Be4PjT+bEc2ef8b082/GN0cXx6Nrr46+nn0Z/PVNcq7vp0fvZzQh8wLmah"
    "Gmjw5cvpj4Nv6iJY4OgySg4Z8AtOQksH/RxDSxHEAKcSSEgyEWRv5R7JIMNc/a0AfkXuRD3kCX0Jb3"
    "iINhO+u3Bfnfx5VYJKLnJVqI7lTKvHKmEwy8P9U/P4r6uTURlwuLbO3Ezoezg3o4+iDlgZRw/hIneB"
    "CxPPwjXz67PreW7DG13kKwEXz77d+uLA7cKf5z8cHb18+fbo8OWbd69fvX37+t3hO6BVN1ztertuLT"
    "j9+fTsSt4QA4UuUnhlQxH/kNyCVuho41/kM/i3xV9q3RZoT/oSKHMaGbSVgR0SiZC2BIp8rfDv2uL9"
    "OAIIQvYfYgsti6PIsy3Frrvfzi1aHdLent7UGn4xqlUx/MRC4s7ob2SlxHEKt42pXWeAxB6Y37ORdl"
    "MIWWu2ToZ4mbopSjMQEIDnJkJhcHFyeXVx+hHmucT6Gts3Sxw6VgF02cOOWKklpa12+Ud+uQVTPFMA"
    "ySeR910Cv8YzlpNLs2MsNw3ud4uNkCAUU3GAJtznFqyKjiv4BJ0xSpBPMOXKN8QWAnmuX+cAazWC8S"
    "t1c3UZrvErPa6Po6vg15hFgYepDlAJfQ8tyNyKUfNW0yaju8i1R8rz0YtXb1+9e/nmVaqypS3rNDWj"
    "FndOLV4ETisBFPmMALQEUFGOH0eDuyThrVJqKgpc3LNWf+MZzQbqm8+oK0C/d1DE9wFFmqyDQP/iCD"
    "T9FZqyKAbpUtt1CEgFfmGhYoKy3a9T6rY2rlH1jKq3U8uVZjgLkNWKrsT0PYRqEXo6SMXkrYDqmHan"
    "h5PR3Yzu1m8BxKqGtgCKfHtkFxqffucWbuPTf2Ah7LJPfyQEtuc+obVu/VzvcG3Ka5HufuuQgmkmyA"
    "xkDS1oTnCockAxgvnHFqFNPiCw13yYkWDV2QQFJEQBdsMag/C7hjI2YDcXnuEaGzCRawSkht5eYeyh"
    "qZNioDN9S0zmE6o1k4391Bn1Mfel0HoBqnzmHWj5DhgN3mjwnRPCdjT4hpVmCwCfFkfbU5Crq2ynTK"
    "W8EGpspZKMmo2l0tTYyFpiC3HNFtSRG+koJV60L05utuNECACf11pGG7Cp/X3JrwnCoYqQocADQamI"
    "2gcE3aCByNQpHwfRHsAAwzhgZREw+1DUnQyJBIMRv44HnGCPOGO4r7HauhH9D8Pfb5MhUBM0iaGLBr"
    "C4gG/3jEwO0ISEIQsniOMVR8v5Cm4ZLTEfU8flEkYHXcs2TrwpEAsS+hNkw4PCg83ZEm5MEBrzIA7P"
    "bM9leHA6fS9jhe4tCd1ozyGGhweD0XPlXkgYRT2+Ld9FDy4yRJTJx6ImNazLn7jhGltR10TssWVoQq"
    "ubx8EWsFT5Vj1ix4x5BNMGS67IWX7LgXW/wDs+P/9UeM2PT0tG2tmXz8cnF09fqFceiFzRYLvBJxJW"
    "bk28MyYD9eZQO2xJLfh4h4Jbsi6AJuh17AZ+jZnueVbicqvJPl0/4cu8BvjNgZeJuwoAPczzbAZujW"
    "VGmnYt8C7wGcA3B1waPnCJGmNkLd55NgO3xnIijVgdlTpl6F9qmbS+a2zkpo0WCfnDxUIO/08wbXt/"
    "ReLKqYL5K2cNL3iep4So4+6yX3fTzT6Rf0sPspSlj4iBhq9ZyynPYYo5tYudweN50pdttY1jrhnAyM"
    "TE9Hcypm9yok1OdK/xNxkVJqOic0LY5Zzo03jX6KA2yh/3DdeH+HNU98b3r+YEzUK2CGRIOiQBC0VU"
    "mkTG35FDHOi5IatqhH9TRhnjH6U50FEK9NNYAEMUOYuHaKIYLFXr95ks9ssCQmX0P8n9nKB/nlycR6"
    "VTYMgBZTHveHBQ4G6oFAy3Aleh5E5YdOFfkzCuAKz+D0Rjqn5CPyK3MuqO5AOGbPmEI4/ZN4iFDgm5"
    "yl9QBNzE5Tu8UMqLNMXlzTfr0QyWFvnfj5b9Pbh+Mh7fHR5u8Z8ng72RpNkIsZsbITpmtTzixNXNOa"
    "ow9nnialYtKPP1ELpIRQU1VAe3AlP/AnOZWl8FbU1t/CKbWShblshPDEntT3yFsYevu084BwtfB7Yc"
    "Sw8B4/JQIFdoLY95nj5CJrBY6B3MkHL0EC5Y92vco2uzjxKWB8w8Slt2NvUo52SrsW6asmpKXPsUE9"
    "tafo3Ka7bUZiMNZEtcBtm6zCWBwzZxxCLfPkH7wIFEbN9QtvSIM2shhRpmE9JtKwlpq3u3rQ7QKTAa"
    "CbSVgEnrMWk9/RNAJbfhcQPwJ7f3ROEjguEmoXiL3G4ckD+nchO82ssuy0bPYXSYMXI/uNKNiaOC7C"
    "5VkejkAtXwfLthog35FAd8zsQEzRkglh6Omxa0PrhMKN4j7HnRFUICE1ReHfl4heT3GEabyIclAYZO"
    "kUbmVVsSl7fTAWwsj/6SO+ef/vHyI7pSVB8ZFWAYPBsiV9GHZEzlxnpGiYm/d9GRaOLv3RNFjUtXrw"
    "BVgcmA3xJ8fZeI8Yass9lv4Dl0nJ8JfQ9dn9oGtVFgv9edIfS2X6YM/YvyJvpmFa41W+ByPH3cA5fT"
    "q3VmWYmtH3OtI4blj1H1r9WgxqZM+4brzEknT7WRIZmoblHKMhJMpWDnNuANEQsRRnHoWdZs48CQnV"
    "1Ub1h+/7CRoamikcouTGzMrERaisllRPUBaMDSw5Edqc7RXM5djyBMUVxGbUwThFLrci4ryQH9gk5d"
    "6vI5cWCca+asEuNWUvH4SCdBAp4kicsfkygpfOqGXORGkA8LoyxZeCPTyGOrlsOzyiLgypblYAzLXH"
    "EEZvCHpEicq7LHxzSH0xNZYS4rF+djhyjo5EnYqvgbwjP5BNcrsOCpY0zeTqv6xuTtjCjyx9FTvTzb"
    "HIMBvSXoj17reneUlP3z9PQee6UVaQGf5zCo74Z7rWOAG+/a4+X6YrrANfsh1qYWZkwmuVAjubAp5/"
    "XSx57X+Ko35r3utE/z5dHbN+lrLn+se8MvP48+faopoKFsaj3vcMazRwvnAzuIyV3gwrdMG/si3z7N"
    "5of20AtB/KCu8FpzIm2OxRT/KwMa+cNqvoLurBHRjMesJG0nsvRm6oROEvp2YZOOQa6nqKWeXR0rIc"
    "9j3vqGfW611u69W93qLd4+mAym5OyW5l90YI4VEszrTrtqnoIVxn4EQ02N6JbHrpicfJOT32sBxLH1"
    "dsU2C5xG19/BfRGfMCWDmtQV1T5cl7biJRQbFSME6S7U7oC6lJK4OTlRUB21HsfJ6ysUth4tSlDxmO"
    "BphkcQEpWSsXQdMR+iie0xDnN6QYXrRdUEPZi+algJ+XM2lYf8OUhO6jH1XN8VwDXFrreAkSaqbzKD"
    "O4jPD0RLmToi++U2CCpPkWdLk/LR6fBTc8pH50LgvZCHSbnpAPTxgqpljWUsPfQGKB9Tm0hMidEoVm"
    "2VW/Wl13DIpPT7ZFBszymT04w0zeUS5944vB54PidapsaUzrPsDexbm9ISHbiexd24dv7mc7rCapbp"
    "ttNaWksaUzohN9O5Dsg2c7nIZybyDjpyTh3iB0wQaq9+I7W7kUoUw7UlLjLazXw8I3kUQ7RLBiPbc6"
    "VHZYZvidxFhJG/ELF/RnpHlENEOlaSZmjlS+lJrHp7tjSu8vu4NFiI+DgJQTyPS18MCYhwFfE0ZD5w"
    "MOmLiQpYLGTti2gbEECZHphh/DZdNVab/TaaFZq/pzZz18wAPaOVBSRyU+nAVWDqIWjZylJFbU1F6y"
    "KbcUxt8q7XlbSGLvkIFeibs6Uyjj5uMzdRb3O+XjfgfxjFoKKim/P1aoSwy+frjUjo2vNBjdUT9wzX"
    "WTs4o7nP0GkGddtWQZP3o/b9r1l8Ywl21ibYju+jWeO/JSGvVWM/znFYD22OZS+UWHhf7iyP0JmQr8"
    "bR69drAIXV9eMvo4unQPWs+Pk6i7uOor7SfougJuu6GeGYfA/RfXF4uAG6QNWIruorKWqyTmZdLaBf"
    "L8/PGnS0jKVGtUX/RaDd7fBHqg5cCUZBU0gwTRWFHNwfa9QEOcDxY7vyvv0P06kB2A=="
)
