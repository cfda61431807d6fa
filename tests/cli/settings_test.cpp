// Flags from the environment and from a file: which one counts, and what is said about mistakes.
#include "cli/settings.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <regex>
#include <set>

#include "cli/command.hpp"
#include "cli/config_file.hpp"
#include "cli/frame.hpp"
#include "support/process.hpp"

using namespace shoal;
using namespace shoal::test;
using cli::ConfigEntry;

namespace {

// The long flags that --help lists, each at the beginning of a line.
std::set<std::string> flags_of(const std::string& command) {
    const std::string help = shoal_command(command + " --help").out;
    const std::regex line("\n  (?:-.,|   ) --([a-z-]+)");
    std::set<std::string> out;
    for (std::sregex_iterator found(help.begin(), help.end(), line), end; found != end; ++found)
        out.insert((*found)[1]);
    return out;
}

}  // namespace

TEST_CASE("a flag counts more than the environment, that more than the file, that more than the default") {
    const TemporaryFolder folder;
    folder.write("c.toml", "output = 'from-file'  # a comment\njson = true\n");
    const std::string here = "-C " + folder.path().string();
    struct Case {
        std::string flags, environment, made;
    };
    const Case cases[] = {
        {"--config c.toml -o from-flag", "SHOAL_OUTPUT=from-environment", "from-flag"},
        {"--config c.toml", "SHOAL_OUTPUT=from-environment", "from-environment"},
        {"--config c.toml", "SHOAL_OUTPUT=", "from-file"},
        {"-o from-flag2 --config c.toml", "", "from-flag2"},
        {"--json", "SHOAL_OUTPUT=from-environment2", "from-environment2"},
    };
    for (const auto& row : cases) {
        CAPTURE(row.made);
        std::filesystem::remove(folder / (row.made + ".key"));
        std::filesystem::remove(folder / (row.made + ".pub"));
        const auto run = shoal_command("keygen " + row.flags, here + " " + row.environment);
        INFO(run.error);
        CHECK(run.exit_code == 0);
        CHECK(contains(run.out, "\"" + row.made + ".pub\""));  // as JSON, which the file or the flag asked for
    }
    const auto text = shoal_command("keygen --config c.toml -o as-text", here + " SHOAL_JSON=false");
    CHECK(text.exit_code == 0);
    CHECK(!contains(text.out, "public_file"));
}

TEST_CASE("what a command needs may come from the file or the environment") {
    const TemporaryFolder folder;
    const std::string here = "-C " + folder.path().string();
    folder.write("c.toml", "output = 'x.onnx'\n");
    CHECK(contains(shoal_command("average a.onnx b.onnx", here).error, "--output is required"));
    // Goes on to the models, which are not there.
    CHECK(contains(shoal_command("average a.onnx b.onnx", here + " SHOAL_OUTPUT=x.onnx").error, "a.onnx"));
    CHECK(contains(shoal_command("average a.onnx b.onnx --config c.toml", here).error, "a.onnx"));
    CHECK(contains(shoal_command("average --config c.toml", here).error, "is required"));
    CHECK(contains(shoal_command("average a.onnx b.onnx --ouput y", here + " SHOAL_OUTPUT=x.onnx").error,
                   "there is no flag '--ouput'"));
}

TEST_CASE("mistakes in the file and the environment name their place") {
    struct Case {
        std::string command, text, environment, says;
        int exit_code = 2;
    };
    const Case cases[] = {
        {"hub", "# first\nlisten = '127.0.0.1'\nnmae = 'x'\n", "",
         "shoal hub: c.toml, line 3: there is no key 'nmae'; did you mean 'name'?"},
        {"hub", "something = 1\n", "", "shoal hub: c.toml, line 1: there is no key 'something'; keys are"},
        {"hub", "tied = true\n", "", "shoal hub: c.toml, line 1: there is no key 'tied'"},
        {"hub", "config = 'c.toml'\n", "", "shoal hub: c.toml, line 1: there is no key 'config'"},
        {"hub", "help = true\n", "", "shoal hub: c.toml, line 1: there is no key 'help'"},
        {"hub", "--name = 'x'\n", "", "shoal hub: c.toml, line 1: there is no key '--name'"},
        {"hub", "\n[hub]\nname = 'x'\n", "", "shoal hub: c.toml, line 2: 'hub' is a section; keys stand alone"},
        {"hub", "name = 7\n", "", "shoal hub: c.toml, line 1: 'name' takes text in quotes"},
        {"hub", "name = ['a', 'b']\n", "", "shoal hub: c.toml, line 1: 'name' takes one value, not a list"},
        {"hub", "listen = ['127.0.0.1', 7]\n", "", "shoal hub: c.toml, line 1: 'listen' takes text in quotes"},
        {"hub", "name = 2000-01-01\n", "", "shoal hub: c.toml, line 1: 'name' takes text in quotes"},
        {"hub", "timeout = '1'\n", "", "shoal hub: c.toml, line 1: 'timeout' takes a number"},
        {"hub", "max-requests = 1.5\n", "", "shoal hub: c.toml, line 1: 'max-requests' takes a whole number"},
        {"hub", "quiet = 1\n", "", "shoal hub: c.toml, line 1: 'quiet' takes true or false"},
        {"hub", "verbose = 'much'\n", "", "shoal hub: c.toml, line 1: 'verbose' takes true, false or a number"},
        {"hub", "\ntimeout = 700\n", "", "shoal hub: --timeout: "},
        {"hub", "max-requests = 0\n", "", "shoal hub: --max-requests: "},
        {"hub", "request-memory = '1 potato'\n", "", "shoal hub: --request-memory: "},
        {"hub", "name = 'x\n", "", "shoal hub: c.toml, line 1: "},
        {"hub", "name = 'x'\nname = 'y'\n", "", "shoal hub: c.toml, line 2: "},
        {"hub", "", "SHOAL_TIMEOUT=soon", "shoal hub: --timeout: Value soon not in range"},
        {"hub", "", "SHOAL_QUIET=perhaps", "shoal hub: --quiet"},
        {"node", "hub = '127.0.0.1:x'\n", "", "shoal node: --hub: "},
        {"node", "hub = '127.0.0.1'\nmemory = '0'\n", "", "shoal node: --memory: "},
        {"node", "hub = '127.0.0.1'\nname = '../b'\n", "", "shoal node: --name: "},
    };
    for (const auto& row : cases) {
        CAPTURE(row.text);
        const TemporaryFolder folder;
        folder.write("c.toml", row.text);
        const auto run =
            shoal_command(row.command + " --config c.toml", "-C " + folder.path().string() + " " + row.environment);
        INFO(run.error);
        CHECK(run.exit_code == row.exit_code);
        CHECK(is_one_line(run.error));
        CHECK(run.error.substr(0, row.says.size()) == row.says);
        if (row.says.find(": --") != std::string::npos && row.environment.empty())
            CHECK(contains(run.error, " in c.toml, line "));
    }
}

TEST_CASE("a file that is missing or cannot be read is named") {
    const TemporaryFolder folder;
    const std::string here = "-C " + folder.path().string();
    std::filesystem::create_directory(folder / "folder.toml");
    folder.write("closed.toml", "name = 'x'\n");
    std::filesystem::permissions(folder / "closed.toml", std::filesystem::perms::none);
    for (const std::string file : {"none.toml", "folder.toml", "closed.toml"}) {
        CAPTURE(file);
        // Who is root may read everything: such a user looks at the other two.
        if (file == "closed.toml" && ::geteuid() == 0) {
            MESSAGE("skipped: root may read every file");
            continue;
        }
        const auto run = shoal_command("keygen --config " + file, here);
        CHECK(run.exit_code == 1);
        CHECK(is_one_line(run.error));
        CHECK(contains(run.error, "shoal keygen: "));
        CHECK(contains(run.error, file));
    }
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);  // and no keys were made
}

TEST_CASE("every flag of node and hub is a key") {
    const std::set<std::string> whole{"max-requests", "threads"}, real{"timeout", "patience"},
        truth{"compact", "quiet"};
    for (const std::string command : {"node", "hub"}) {
        CAPTURE(command);
        auto flags = flags_of(command);
        CHECK(flags.size() > 8);
        for (const auto* general : {"config", "help"})
            CHECK(flags.erase(general) == 1);
        std::string text;
        for (const auto& flag : flags) {
            text += flag + " = ";
            text += whole.count(flag) + real.count(flag) + (flag == "verbose") > 0 ? "1"
                    : truth.count(flag) > 0                                        ? "false"
                    : flag == "memory" || flag == "request-memory"                 ? "'64MiB'"
                    : flag == "hub"                                                ? "'127.0.0.1:7070'"
                    : flag == "name"                                               ? "'board'"
                    : flag == "listen"                                             ? "'127.0.0.1:7071'"
                    : flag == "kernel-class"                                       ? "'plain'"
                                                                                   : "'/dev/null/none'";
            text += '\n';
        }
        const TemporaryFolder folder;
        folder.write("all.toml", text);
        const auto run = shoal_command(command + " --config all.toml", "-C " + folder.path().string());
        INFO(text << run.error);
        // All was understood; the keys are not there.
        CHECK(run.exit_code == 1);
        CHECK(contains(run.error, "/dev/null/none"));
    }
}

TEST_CASE("a list is a flag that is repeated") {
    const TemporaryFolder folder;
    folder.write("c.toml", "listen = ['127.0.0.1:*', '127.0.0.1:nonsense']\n");
    const auto run = shoal_command("hub --config c.toml", "-C " + folder.path().string());
    CHECK(run.exit_code == 2);
    CHECK(contains(run.error, "nonsense"));
    folder.write("n.toml", "hub = '127.0.0.1:9'\ndevice = ['host', 'host']\n");
    const auto node = shoal_command("node --config n.toml", "-C " + folder.path().string());
    CHECK(node.exit_code == 2);
    CHECK(contains(node.error, "'host' and 'host' are the same device"));
}

TEST_CASE("a file is read as keys with values, kinds and lines") {
    const TemporaryFolder folder;
    folder.write(
        "c.toml",
        "whole = 1_000\nreal = 0.05\ntruth = false\ntext = \"a \\\"b\\\"\"\n\nlist = ['a', 'b']\nempty = []\n");
    std::map<std::string, ConfigEntry> entries;
    for (auto& entry : cli::read_config(folder / "c.toml"))
        entries[entry.key] = entry;
    REQUIRE(entries.size() == 6);
    CHECK(entries["whole"].values == std::vector<std::string>{"1000"});
    CHECK(entries["whole"].kind == ConfigEntry::Kind::whole);
    CHECK(std::stod(entries["real"].values.at(0)) == 0.05);
    CHECK(entries["truth"].values == std::vector<std::string>{"false"});
    CHECK(entries["text"].values == std::vector<std::string>{"a \"b\""});
    CHECK(entries["text"].line == 4);
    CHECK(entries["list"].values == std::vector<std::string>{"a", "b"});
    CHECK(entries["list"].list);
    CHECK(entries["list"].line == 6);
    CHECK(entries["empty"].values.empty());
}

TEST_CASE("names of variables, and origins behind messages") {
    CHECK(cli::variable_of("request-memory") == "SHOAL_REQUEST_MEMORY");
    const cli::Origins origins{{"--hub", "SHOAL_HUB"}, {"--hub-key", "'hub-key' in f, line 2"}};
    CHECK(cli::with_origin("--hub: bad", origins) == "--hub: bad (SHOAL_HUB)");
    CHECK(cli::with_origin("--hub-key needs --key", origins) == "--hub-key needs --key ('hub-key' in f, line 2)");
    CHECK(cli::with_origin("--name: bad", origins) == "--name: bad");
    CHECK(cli::with_origin("no --hub: bad", origins) == "no --hub: bad");
}

TEST_CASE("settings may come through a pipe") {
    const auto run = run_command("echo 'memroy = 1' | timeout 60 " SHOAL_COMMAND " hub --config /dev/stdin 2>&1");
    CHECK(run.exit_code == 2);
    CHECK(contains(run.output, "/dev/stdin, line 1: there is no key 'memroy'"));
}
