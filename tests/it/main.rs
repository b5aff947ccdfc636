//! One integration binary, so that the library is linked once.

mod architecture;
mod exporter;
mod exposition;
mod reducer_properties;
mod support;
mod template_detail;
