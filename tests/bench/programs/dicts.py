"""Dicts and sets: counting, grouping, inverting."""


def run():
    seed, words = 1, []
    for _ in range(60000):
        seed = (seed * 1103515245 + 12345) % 2147483648
        words.append("w%d" % (seed % 5000))
    total = 0
    for _ in range(4):
        counts = {}
        for word in words:
            counts[word] = counts.get(word, 0) + 1
        groups = {}
        for word, count in counts.items():
            groups.setdefault(count, set()).add(word)
        inverse = {word: count for count, group in groups.items() for word in group}
        total += sum(inverse[word] for word in words) + len(groups)
    return total
