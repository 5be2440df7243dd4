# Never ends by itself: Ctrl-C stops it.
import itertools
import time

for beat in itertools.count():
    print("beat", beat, flush=True)
    time.sleep(0.5)
