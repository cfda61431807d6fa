#include "cli/draw_graph.hpp"

#include <algorithm>
#include <cstdio>
#include <set>

#include "base/file.hpp"
#include "cli/layered_layout.hpp"
#include "cli/text.hpp"

namespace shoal::cli {
namespace {

using base::text;
using graph::Graph;
using graph::ValueId;

constexpr double kCharacter = 6.7, kLineHeight = 15, kPadding = 8;
constexpr std::size_t kLongest = 40;  // characters of a line in a box

struct Figure {
    std::vector<std::string> lines;
    std::string colour;
};

std::string escaped(std::string_view raw) {
    std::string out;
    for (const char c : printable(raw)) {
        if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '&')
            out += "&amp;";
        else if (c == '"')
            out += "&quot;";
        else
            out += static_cast<unsigned char>(c) < 0x80 ? c : '?';  // a model's names need not be UTF-8, SVG must be
    }
    return out;
}

std::string coordinate(double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.1f", value);
    return buffer;
}

std::string colour_of(const std::string& card) {
    if (card == "conv" || card == "matmul" || card == "recurrent") return "#cfe2ff";
    if (card == "pool" || card == "reduce" || card == "arg_reduce" || card == "cumulate" || card == "topk")
        return "#d7f0d5";
    if (card == "map" || card == "cast") return "#fff0cc";
    return "#e9e9ec";  // movement
}

// "add", "conv", "pool max"
std::string word_of(const graph::Op& op) {
    const std::string card(op.card->name);
    if (!op.attrs.has("fn")) return card;
    return card == "map" ? op.attrs.text("fn") : card + " " + op.attrs.text("fn");
}

// "conv + add + relu"; the same twice in a row is said once.
std::string work_of(const Graph& graph, graph::GroupRange range) {
    std::string out, before;
    for (auto i = range.first; i < range.last; ++i) {
        const std::string word = word_of(graph.ops[i]);
        if (word == before) continue;
        out += (out.empty() ? "" : " + ") + word;
        before = word;
    }
    return out;
}

std::string main_card(const Graph& graph, graph::GroupRange range) {
    double most = -1;
    std::string out;
    for (auto i = range.first; i < range.last; ++i) {
        const double flops = graph::cost(graph, graph.ops[i]).flops;
        if (flops <= most) continue;
        most = flops;
        out = graph.ops[i].card->name;
    }
    return out;
}

class Drawing {
public:
    explicit Drawing(const Graph& graph) : graph_(graph), maker_(graph.values.size(), kNobody) {
        for (const auto& port : graph.inputs) {
            maker_[port.value] = figures_.size();
            figures_.push_back({{"input " + port.name, to_string(graph.type(port.value))}, "#ffffff"});
        }
        for (const auto range : graph::groups(graph))
            add_kernel(range);
        for (const auto& port : graph.outputs) {
            figures_.push_back({{"output " + port.name, to_string(graph.type(port.value))}, "#ffffff"});
            connect(port.value, figures_.size() - 1);
        }
    }

    [[nodiscard]] std::string svg() const {
        std::vector<Box> boxes;
        for (const Figure& figure : figures_)
            boxes.push_back(box_of(figure));
        const LayeredLayout layout = lay_out(boxes, lines_);
        std::string out =
            text("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", coordinate(layout.width), "\" height=\"",
                 coordinate(layout.height), "\" viewBox=\"0 0 ", coordinate(layout.width), " ",
                 coordinate(layout.height), "\">\n<title>", escaped(graph_.name), "</title>\n",
                 "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n", "<g fill=\"none\" stroke=\"#6b7280\">\n");
        for (const auto& route : layout.routes)
            out += route_text(route);
        out += "</g>\n<g font-family=\"DejaVu Sans Mono, monospace\" font-size=\"11\" text-anchor=\"middle\">\n";
        for (std::size_t i = 0; i < figures_.size(); ++i)
            out += figure_text(figures_[i], boxes[i], layout.centres[i]);
        return out + "</g>\n</svg>\n";
    }

private:
    static constexpr std::size_t kNobody = ~std::size_t{0};

    void add_kernel(graph::GroupRange range) {
        const std::size_t own = figures_.size();
        std::set<ValueId> read, made;
        for (auto i = range.first; i < range.last; ++i) {
            const auto& op = graph_.ops[i];
            read.insert(op.inputs.begin(), op.inputs.end());
            made.insert(op.outputs.begin(), op.outputs.end());
        }
        Figure figure{{fitted(work_of(graph_, range), kLongest)}, colour_of(main_card(graph_, range))};
        figure.lines.push_back(fitted(to_string(graph_.type(graph_.ops[range.last - 1].outputs[0])), kLongest));
        if (const auto& name = graph_.ops[range.first].name; !name.empty())
            figure.lines.push_back(fitted_middle(printable(name), kLongest));
        figures_.push_back(std::move(figure));
        for (const auto id : read) {
            if (id != graph::kNoValue && made.count(id) == 0) connect(id, own);
        }
        for (const auto id : made)
            maker_[id] = own;
    }

    // Constants come from nowhere.
    void connect(ValueId value, std::size_t to) {
        if (maker_[value] != kNobody) lines_.push_back({maker_[value], to});
    }

    static Box box_of(const Figure& figure) {
        std::size_t longest = 0;
        for (const auto& line : figure.lines)
            longest = std::max(longest, width(line));
        return {static_cast<double>(longest) * kCharacter + 2 * kPadding,
                static_cast<double>(figure.lines.size()) * kLineHeight + kPadding};
    }

    // Down in a smooth curve from point to point.
    static std::string route_text(const std::vector<Point>& route) {
        std::string path = text("M", coordinate(route[0].x), ",", coordinate(route[0].y));
        for (std::size_t n = 1; n < route.size(); ++n) {
            const double middle = (route[n - 1].y + route[n].y) / 2;
            path += text(" C", coordinate(route[n - 1].x), ",", coordinate(middle), " ", coordinate(route[n].x), ",",
                         coordinate(middle), " ", coordinate(route[n].x), ",", coordinate(route[n].y));
        }
        return text("<path d=\"", path, "\"/>\n");
    }

    static std::string figure_text(const Figure& figure, const Box& box, const Point& centre) {
        std::string out =
            text("<rect x=\"", coordinate(centre.x - box.width / 2), "\" y=\"", coordinate(centre.y - box.height / 2),
                 "\" width=\"", coordinate(box.width), "\" height=\"", coordinate(box.height), "\" rx=\"4\" fill=\"",
                 figure.colour, "\" stroke=\"#374151\"/>\n");
        double y = centre.y - box.height / 2 + kPadding / 2 + kLineHeight - 4;
        for (const auto& line : figure.lines) {
            out +=
                text("<text x=\"", coordinate(centre.x), "\" y=\"", coordinate(y), "\">", escaped(line), "</text>\n");
            y += kLineHeight;
        }
        return out;
    }

    const Graph& graph_;
    std::vector<std::size_t> maker_;  // the figure that each value comes from
    std::vector<Figure> figures_;
    std::vector<Line> lines_;
};

}  // namespace

std::string drawing_of(const Graph& graph) {
    return Drawing(graph).svg();
}

void write_drawing(const Graph& graph, const std::filesystem::path& file) {
    base::replace_file(file, drawing_of(graph));
}

}  // namespace shoal::cli
