// A program that lives on its heap: strings, a tree and large vectors come and go in an order fixed by a seed; it starts a helper now and then.
//
//     allocations [ROUNDS]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

static std::uint64_t state = 1;

static std::uint32_t next()  // a linear congruential generator, so that every run does the same
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return static_cast<std::uint32_t>(state >> 33);
}

static void report(const std::map<std::uint32_t, std::string> &tree)
{
	pid_t pid = fork();
	if (pid == 0) {
		std::size_t bytes = 0;
		for (const auto &[key, text] : tree)
			bytes += text.size() + key % 2;
		std::string line = std::to_string(bytes);
		_exit(line.empty());
	}
	waitpid(pid, nullptr, 0);
}

int main(int argc, char **argv)
{
	const int rounds = argc > 1 ? std::atoi(argv[1]) : 24;
	std::map<std::uint32_t, std::string> tree;
	std::vector<std::vector<std::uint64_t>> blocks(12);
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < 4000; i++)
			tree[next() % 60000] = std::string(16 + next() % 600, 'x');
		auto &block = blocks[next() % blocks.size()];
		block = std::vector<std::uint64_t>(next() % (512 << 10), 1);  // up to 4 MiB: above malloc's mmap threshold, then below it
		auto from = tree.lower_bound(next() % 50000);
		for (int i = 0; i < 1500 && from != tree.end(); i++)
			from = tree.erase(from);
		if (round % 8 == 7)
			report(tree);
	}
	std::printf("%zu\n", tree.size());
	return 0;
}
