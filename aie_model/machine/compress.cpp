// Runs whose zero bytes do not enter the stream.
#include "aie_model/program/compression.hpp"

#include <fmt/format.h>

#include "aie_model/machine/engine.hpp"

namespace wbs::aie {

// A source holds its lock: what it will send. Without bytes, what the program promises, or the most
// that there can be.
void Engine::compress_run(std::uint32_t source) {
  Dma& dma = dmas_[source];
  const Descriptor& descriptor = *dma.transfer->source;
  if (options_.functional) {
    gather(source, descriptor.words);
    dma.squeezed = compress(words_);
    if (!descriptor.sizes.empty() && dma.squeezed.size() != dma.words) {
      fail(FaultKind::malformed,
           fmt::format("{} descriptor {} promises {} compressed words, its {} words have {}",
                       name(source), dma.descriptor, dma.words, descriptor.words,
                       dma.squeezed.size()));
    }
    dma.words = dma.squeezed.size();
  }
  result_.compressed_words += descriptor.words;
  result_.compressed_stream_words += dma.words;
  if (descriptor.sizes.empty()) result_.unknown_stream_words += dma.words;
}

// A receiver to which nobody promised a size takes all that one run of its source sends.
void Engine::expect_words(Dma& receiver, const Dma& source) {
  const Descriptor& descriptor = *receiver.transfer->source;
  if (!descriptor.compress || !descriptor.sizes.empty() || receiver.moved > 0) return;
  receiver.words = source.words - source.moved;
}

// Keeps a chunk, and writes the memory with the last one.
void Engine::decompress_chunk(std::uint32_t receiver, std::span<const std::uint32_t> words) {
  Dma& dma = dmas_[receiver];
  if (dma.moved == 0) dma.squeezed.clear();
  dma.squeezed.insert(dma.squeezed.end(), words.begin(), words.end());
  if (dma.squeezed.size() < dma.words) return;
  const std::uint32_t expected = dma.transfer->source->words;
  const auto plain = decompress(dma.squeezed, expected);
  if (!plain) {
    fail(FaultKind::malformed,
         fmt::format("{} descriptor {} gets {} words that are not {} compressed ones",
                     name(receiver), dma.descriptor, dma.squeezed.size(), expected));
  }
  scatter(receiver, *plain);
}

}  // namespace wbs::aie
