"""The stages: one module or package each, a plain function from inputs to outputs."""

from chatwright.quick_start import spare_the_garbage_collector

spare_the_garbage_collector()
