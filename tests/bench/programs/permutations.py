"""Lists cut and turned: the pancake flips of all permutations of eight."""


def run():
    n, most, signs = 8, 0, 0
    order, counts = list(range(n)), list(range(1, n + 1))
    rotated, parity = n, 1
    while True:
        first = order[0]
        if first:
            flipped, flips = order[:], 0
            while flipped[0]:
                k = flipped[0] + 1
                flipped[:k] = flipped[:k][::-1]
                flips += 1
            most = max(most, flips)
            signs += parity * flips
        parity = -parity
        rotated = 1
        while rotated < n:
            order.insert(rotated, order.pop(0))
            counts[rotated] -= 1
            if counts[rotated]:
                break
            counts[rotated] = rotated + 1
            rotated += 1
        else:
            return most, signs
