#include "cli/layered_layout.hpp"

#include <algorithm>
#include <numeric>

namespace shoal::cli {
namespace {

constexpr double kGapAcross = 18, kGapDown = 34, kMargin = 20;
constexpr double kLineWidth = 6;              // room that a passing line gets
constexpr std::size_t kMostPassing = 200000;  // beyond that, lines are drawn straight through
constexpr int kOrderSweeps = 12, kPlaceSweeps = 24;

// A box, or the spot where a long line passes through a layer.
struct Item {
    std::size_t layer;
    double width, height;
    std::vector<std::size_t> above{}, below{};
    double x = 0;  // centre
};

class Layers {
public:
    Layers(const std::vector<Box>& boxes, const std::vector<Line>& lines) {
        const auto layer_of = layers(boxes.size(), lines);
        for (std::size_t i = 0; i < boxes.size(); ++i)
            add({layer_of[i], boxes[i].width, boxes[i].height});
        for (const Line& line : lines)
            paths_.push_back(path(line));
        order();
        place();
    }

    [[nodiscard]] LayeredLayout result(std::size_t boxes) const {
        LayeredLayout out;
        std::vector<double> top, bottom;  // of each layer
        double down = kMargin;
        for (const auto& layer : layers_) {
            double height = 0;
            for (const auto i : layer)
                height = std::max(height, items_[i].height);
            top.push_back(down);
            bottom.push_back(down + height);
            down += height + kGapDown;
        }
        double least = 0, most = 0;
        for (std::size_t i = 0; i < items_.size(); ++i) {
            least = i == 0 ? left_of(items_[i]) : std::min(least, left_of(items_[i]));
            most = i == 0 ? right_of(items_[i]) : std::max(most, right_of(items_[i]));
        }
        const auto across = [&](std::size_t i) { return items_[i].x - least + kMargin; };
        for (std::size_t i = 0; i < boxes; ++i)
            out.centres.push_back({across(i), (top[items_[i].layer] + bottom[items_[i].layer]) / 2});
        for (const auto& path : paths_) {
            // Straight down past the boxes of a layer, aside only between layers.
            std::vector<Point> route;
            for (const auto i : path) {
                route.push_back({across(i), top[items_[i].layer]});
                route.push_back({across(i), bottom[items_[i].layer]});
            }
            const auto from = path.front(), to = path.back();
            route.front().y = out.centres[from].y + items_[from].height / 2;
            route.back().y = out.centres[to].y - items_[to].height / 2;
            out.routes.push_back(std::move(route));
        }
        out.width = most - least + 2 * kMargin;
        out.height = down - kGapDown + kMargin;
        return out;
    }

private:
    static double left_of(const Item& item) { return item.x - item.width / 2; }
    static double right_of(const Item& item) { return item.x + item.width / 2; }

    // As high as what comes before allows; boxes without anything before, as low as what comes after.
    static std::vector<std::size_t> layers(std::size_t count, const std::vector<Line>& lines) {
        std::vector<std::size_t> out(count, 0);
        std::vector<std::vector<std::size_t>> before(count);
        for (const Line& line : lines)
            before[line.to].push_back(line.from);
        for (std::size_t i = 0; i < count; ++i) {
            for (const auto from : before[i])
                out[i] = std::max(out[i], out[from] + 1);
        }
        std::vector<std::size_t> first(count, count);
        for (const Line& line : lines)
            first[line.from] = std::min(first[line.from], out[line.to]);
        for (std::size_t i = 0; i < count; ++i) {
            if (before[i].empty() && first[i] != count) out[i] = first[i] - 1;
        }
        return out;
    }

    std::size_t add(Item item) {
        layers_.resize(std::max(layers_.size(), item.layer + 1));
        layers_[item.layer].push_back(items_.size());
        items_.push_back(std::move(item));
        return items_.size() - 1;
    }

    std::vector<std::size_t> path(const Line& line) {
        std::vector<std::size_t> out{line.from};
        const std::size_t last = items_[line.to].layer;
        for (std::size_t layer = items_[line.from].layer + 1; layer < last && passing_ < kMostPassing; ++layer) {
            out.push_back(add({layer, kLineWidth, 0}));
            ++passing_;
        }
        out.push_back(line.to);
        for (std::size_t n = 0; n + 1 < out.size(); ++n) {
            items_[out[n]].below.push_back(out[n + 1]);
            items_[out[n + 1]].above.push_back(out[n]);
        }
        return out;
    }

    // Every layer in the order of the mean position of what it hangs together with, down and up in turns.
    void order() {
        std::vector<double> position(items_.size(), 0);
        const auto number = [&](const std::vector<std::size_t>& layer) {
            for (std::size_t n = 0; n < layer.size(); ++n)
                position[layer[n]] = static_cast<double>(n);
        };
        for (const auto& layer : layers_)
            number(layer);
        for (int sweep = 0; sweep < kOrderSweeps; ++sweep) {
            for (std::size_t n = 0; n < layers_.size(); ++n) {
                auto& layer = layers_[sweep % 2 == 0 ? n : layers_.size() - 1 - n];
                std::vector<std::pair<double, std::size_t>> wish;
                for (const auto i : layer) {
                    const auto& near = sweep % 2 == 0 ? items_[i].above : items_[i].below;
                    wish.emplace_back(near.empty() ? position[i] : mean(near, [&](auto k) { return position[k]; }), i);
                }
                std::stable_sort(wish.begin(), wish.end(),
                                 [](const auto& a, const auto& b) { return a.first < b.first; });
                std::transform(wish.begin(), wish.end(), layer.begin(), [](const auto& own) { return own.second; });
                number(layer);
            }
        }
    }

    template <class Value>
    static double mean(const std::vector<std::size_t>& of, Value&& value) {
        double sum = 0;
        for (const auto i : of)
            sum += value(i);
        return sum / static_cast<double>(of.size());
    }

    void place() {
        for (const auto& layer : layers_)
            settle(layer, [](std::size_t) { return 0.0; });
        for (int sweep = 0; sweep < kPlaceSweeps; ++sweep) {
            for (std::size_t n = 0; n < layers_.size(); ++n) {
                settle(layers_[sweep % 2 == 0 ? n : layers_.size() - 1 - n], [&](std::size_t i) {
                    auto near = items_[i].above;
                    near.insert(near.end(), items_[i].below.begin(), items_[i].below.end());
                    return near.empty() ? items_[i].x : mean(near, [&](auto k) { return items_[k].x; });
                });
            }
        }
    }

    // As near as possible (least squares) to where each item wants to be, without overlap and in order: with the widths
    // to the left taken off this is isotonic regression, solved by pooling neighbours that are in each other's way.
    template <class Wish>
    void settle(const std::vector<std::size_t>& layer, Wish&& wish) {
        struct Pool {
            double sum = 0;
            std::size_t count = 0;
            [[nodiscard]] double at() const { return sum / static_cast<double>(count); }
        };
        std::vector<Pool> pools;
        std::vector<double> offsets;
        double offset = 0;
        for (std::size_t n = 0; n < layer.size(); ++n) {
            if (n > 0) offset += (items_[layer[n - 1]].width + items_[layer[n]].width) / 2 + kGapAcross;
            offsets.push_back(offset);
            Pool own{wish(layer[n]) - offset, 1};
            while (!pools.empty() && pools.back().at() >= own.at()) {
                own.sum += pools.back().sum;
                own.count += pools.back().count;
                pools.pop_back();
            }
            pools.push_back(own);
        }
        std::size_t n = 0;
        for (const Pool& pool : pools) {
            for (std::size_t k = 0; k < pool.count; ++k, ++n)
                items_[layer[n]].x = pool.at() + offsets[n];
        }
    }

    std::vector<Item> items_;
    std::vector<std::vector<std::size_t>> layers_, paths_;
    std::size_t passing_ = 0;
};

}  // namespace

LayeredLayout lay_out(const std::vector<Box>& boxes, const std::vector<Line>& lines) {
    return Layers(boxes, lines).result(boxes.size());
}

}  // namespace shoal::cli
