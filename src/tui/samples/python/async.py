# Three waits at once take as long as the longest, not as long as all.
import asyncio
import time


async def cook(dish, seconds):
    await asyncio.sleep(seconds)
    print(f"{dish} is done")
    return dish


async def main():
    begun = time.monotonic()
    dishes = await asyncio.gather(cook("soup", 0.09), cook("rice", 0.06), cook("tea", 0.03))
    spent = round((time.monotonic() - begun) * 1000)
    print(f"{', '.join(dishes)}: {spent} ms instead of 180")


asyncio.run(main())
