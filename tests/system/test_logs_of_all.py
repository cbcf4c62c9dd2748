"""A conversation has a log, and it is one: devices of several people say, answer, change, delete, react and read, in
rooms and alone, while connections are cut and the server is killed. In the end each client that may read something has
what the files have, nothing that was acknowledged is lost, nothing is there twice, and all devices of somebody know
how much they have not read."""

import random

from kit.histories import verified
from village import Village

LIVES, FULL_LIVES = 7, 60
FEWEST, MOST = 60, 260  # things that are done, until a life ends


def test_all_have_the_same_log_and_it_is_what_was_acknowledged(tmp_path, full, seed):
    chance = random.Random(seed)
    lives = FULL_LIVES if full else LIVES
    with Village(tmp_path, chance) as village:
        for life in range(lives + 1):
            with village.serve() as server:
                if not life:
                    village.register()
                away = village.come(all_of_them=life in (0, lives))
                if not life:
                    village.first_words()
                village.check()
                if life < lives:
                    village.live(away, chance.randrange(FEWEST, MOST))
                village.end(server, killed=0 < life < lives and chance.random() < 0.6)
        print(dict(village.annals.counts))
    assert verified(tmp_path) == (0, ["It is whole."])
