#include <doctest/doctest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "cli/command.hpp"
#include "transport/keys.hpp"

using namespace shoal;
using namespace shoal::test;

TEST_CASE("a key pair is made, told, and kept") {
    const TemporaryFolder folder;
    const std::string here = "-C " + folder.path().string();
    // Named like a command on purpose: that is what a board may be called.
    for (const std::string flags : {"keygen run", "keygen -o hub"}) {
        const auto run = shoal_command(flags, here);
        INFO(run.error);
        REQUIRE(run.exit_code == 0);
        CHECK(widest_line(run.out) <= 80);
        const std::string name = flags.substr(flags.rfind(' ') + 1);
        const auto keys = transport::Keys::load(folder / name);
        CHECK(contains(run.out, keys.public_key().text()));
        CHECK(!contains(run.out, keys.secret_text()));
        CHECK(contains(run.out, name + ".key"));
        CHECK(contains(run.out, name + ".pub"));
        struct stat status {};
        REQUIRE(::stat((folder / (name + ".key")).c_str(), &status) == 0);
        CHECK((status.st_mode & 0777U) == 0600U);
        const auto again = shoal_command(flags, here);
        CHECK(again.exit_code == 1);
        CHECK(is_one_line(again.error));
        CHECK(contains(again.error, "keys are not overwritten"));
        CHECK(transport::Keys::load(folder / name).public_key() == keys.public_key());
    }
    const auto json = nlohmann::json::parse(shoal_command("keygen third --json", here).out);
    CHECK(json["public_key"] == transport::PublicKey::load(folder / "third.pub").text());
    CHECK(json["secret_file"] == "third.key");
    const auto quiet = shoal_command("keygen fourth --quiet", here);
    CHECK(quiet.exit_code == 0);
    CHECK((quiet.out + quiet.error).empty());
    CHECK(std::filesystem::exists(folder / "fourth.pub"));
}

TEST_CASE("a public half that is missing is written anew") {
    const TemporaryFolder folder;
    const std::string here = "-C " + folder.path().string();
    REQUIRE(shoal_command("keygen board", here).exit_code == 0);
    const auto before = transport::Keys::load(folder / "board").public_key();
    std::filesystem::remove(folder / "board.pub");
    CHECK(shoal_command("keygen board", here).exit_code == 0);
    CHECK(transport::Keys::load(folder / "board").public_key() == before);
}

TEST_CASE("a folder is no name, one that is not there is made, and what is no folder is told") {
    const TemporaryFolder folder;
    const std::string here = "-C " + folder.path().string();
    CHECK(shoal_command("keygen ./", here).exit_code == 2);
    CHECK(shoal_command("keygen new/one/a", here).exit_code == 0);
    CHECK(std::filesystem::exists(folder / "new/one/a.key"));
    const auto file = shoal_command("keygen new/one/a.key/b", here);
    CHECK(file.exit_code == 1);
    CHECK(contains(file.error, "new/one/a.key"));
}

TEST_CASE("one file of a pair stands for the pair, but a secret is never taken for a public key") {
    const TemporaryFolder folder;
    const std::string here = "-C " + folder.path().string();
    CHECK(shoal_command("keygen hub.key", here).exit_code == 0);
    CHECK(std::filesystem::exists(folder / "hub.pub"));
    CHECK_FALSE(std::filesystem::exists(folder / "hub.key.key"));
    const auto secret = shoal::base::read_text(folder / "hub.key");
    for (const char* command : {"status --hub 127.0.0.1:1 --key hub.pub --hub-key hub.key",
                                "hub --listen 127.0.0.1:0 --key hub --allow hub.key"}) {
        const auto run = shoal_command(command, here);
        CHECK(run.exit_code != 0);
        CHECK(contains(run.error, "'hub.key' is a secret key; give the public one: 'hub.pub'"));
        CHECK_FALSE(contains(run.error, secret.substr(0, 10)));
    }
    const auto none = shoal_command("hub --listen 127.0.0.1:0 --key hub --allow nowhere", here);
    CHECK(contains(none.error, "make a folder and copy the .pub files"));
}
