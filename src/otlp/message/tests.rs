//! Encoded messages and their parts by size.

use super::super::text::families;
use super::*;

const AT: Timestamp = Timestamp::from_seconds(1_775_000_000);

fn requests(page: &str, attributes: &[(&'static str, String)]) -> Vec<ExportMetricsServiceRequest> {
    let mut sent = Vec::new();
    let mut requests = Requests::new(attributes, AT);
    families(page, |family| {
        requests.add(family, |request| sent.push(request));
    })
    .expect("the format");
    sent.extend(requests.finish());
    sent
}

fn metrics_of(request: &ExportMetricsServiceRequest) -> &[Metric] {
    &request.resource_metrics[0].scope_metrics[0].metrics
}

fn points(metric: &Metric) -> usize {
    match metric.data.as_ref().expect("data") {
        Data::Gauge(gauge) => gauge.data_points.len(),
        Data::Sum(sum) => sum.data_points.len(),
        Data::Histogram(histogram) => histogram.data_points.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_histogram_has_counts_between_its_bounds() {
    let page = "# TYPE s histogram\ns_bucket{n=\"1\",le=\"0.5\"} 2\ns_bucket{n=\"1\",le=\"2\"} 5\n\
                s_bucket{n=\"1\",le=\"+Inf\"} 6\ns_sum{n=\"1\"} 7.5\ns_count{n=\"1\"} 6\ns_created{n=\"1\"} 1774000000.123\n\
                s_bucket{n=\"2\",le=\"0.5\"} 1\ns_bucket{n=\"2\",le=\"2\"} 1\ns_bucket{n=\"2\",le=\"+Inf\"} 1\n\
                s_sum{n=\"2\"} 0.1\ns_count{n=\"2\"} 1\n";
    let requests = requests(page, &[]);
    let Some(Data::Histogram(histogram)) = &metrics_of(&requests[0])[0].data else {
        panic!("{requests:?}");
    };
    let [first, second] = &histogram.data_points[..] else {
        panic!("{histogram:?}");
    };
    assert_eq!(first.explicit_bounds, [0.5, 2.0]);
    assert_eq!(first.bucket_counts, [2, 3, 1]);
    assert_eq!((first.sum, first.count), (Some(7.5), 6));
    assert_eq!(second.bucket_counts, [1, 0, 0]);
    assert_eq!(first.time_unix_nano, 1_775_000_000_000_000_000);
    assert_eq!(first.start_time_unix_nano, 1_774_000_000_123_000_000);
    assert_eq!(second.start_time_unix_nano, 0, "unknown");
}

#[test]
fn a_counter_is_a_growing_sum_and_an_empty_label_is_absent() {
    let page = "# HELP a All.\n# TYPE a counter\na_total{x=\"1\",y=\"\"} 2\na_created{x=\"1\",y=\"\"} 1774000000\n";
    let requests = requests(page, &[("service.name", "wa".to_owned())]);
    let metric = &metrics_of(&requests[0])[0];
    assert_eq!(
        (metric.name.as_str(), metric.description.as_str()),
        ("a_total", "All.")
    );
    let Some(Data::Sum(sum)) = &metric.data else {
        panic!("{metric:?}");
    };
    assert!(sum.is_monotonic);
    let point = &sum.data_points[0];
    assert_eq!(point.start_time_unix_nano, 1_774_000_000_000_000_000);
    assert_eq!(point.attributes, [attribute("x".into(), "1".into())]);
    let resource = requests[0].resource_metrics[0].resource.as_ref();
    let own = &resource.expect("a resource").attributes;
    assert_eq!(own, &[attribute("service.name".into(), "wa".into())]);
}

#[test]
fn many_points_are_sent_in_several_requests_and_none_is_lost() {
    assert!(requests("", &[]).is_empty());
    for (first, second) in [(0, 1), (10, 40_000), (40_000, 3), (90_000, 7)] {
        let lines = |name: &str, count: usize| {
            let lines = (0..count).map(|one| format!("{name}{{label=\"value {one}\"}} 1\n"));
            format!("# TYPE {name} gauge\n{}", lines.collect::<String>())
        };
        let page = lines("a", first) + &lines("b", second);
        let requests = requests(&page, &[]);
        let sent = |name: &str| -> usize {
            let metrics = requests.iter().flat_map(metrics_of);
            metrics.filter(|one| one.name == name).map(points).sum()
        };
        assert_eq!((sent("a"), sent("b")), (first, second));
        let sizes: Vec<usize> = requests.iter().map(Message::encoded_len).collect();
        // Each point has some more bytes in its list.
        let most = MAX_BYTES + MAX_BYTES / 4;
        assert!(sizes.iter().all(|size| *size <= most), "{sizes:?}");
        let are_full = sizes.iter().rev().skip(1).all(|size| *size >= MAX_BYTES);
        assert!(are_full, "{sizes:?}");
    }
}
