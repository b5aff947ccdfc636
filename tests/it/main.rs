//! One integration binary, so that the library is linked once.

mod architecture;
mod exposition;
mod readme;
mod reducer_properties;
mod support;
