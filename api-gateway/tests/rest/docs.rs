use super::app::App;

#[tokio::test]
async fn the_page_has_every_operation_and_loads_nothing_from_elsewhere() {
    let app = App::start().await;
    let nobody = app.anonymous();
    let answer = nobody.get("/docs").await.expect(200);
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("unsafe")
    );
    let page = answer.body.as_str().unwrap();
    let document = serde_json::to_value(gateway::document()).unwrap();
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let line = format!("<b>{}</b> <code>{path}</code>", method.to_uppercase());
            assert!(page.contains(&line), "{line}");
            operations += 1;
        }
    }
    assert_eq!(page.matches("<details><summary>").count(), operations);
    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(page.contains(&format!("<details id=\"{name}\">")), "{name}");
    }
    assert!(!page.contains("<script") && !page.contains(" style=") && !page.contains(" src="));
    for link in page.split("href=").skip(1) {
        let link = link.trim_start_matches('"');
        assert!(
            link.starts_with(['#', '/']) && !link.starts_with("//"),
            "{link:.40}"
        );
    }
    let style = nobody.get("/docs/style.css").await.expect(200);
    assert_eq!(style.headers["content-type"], "text/css");
}
