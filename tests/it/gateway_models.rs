//! Model discovery: what a client may ask for, in the form that its SDK reads.

use backstop::model::Family;
use serde_json::Value;

use crate::support::gateway::{Plan, Site, header};

async fn ask(site: &Site, path: &str, headers: &[(&str, &str)]) -> (u16, Option<String>, Value) {
    let mut request = site.client.get(site.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let code = header(&response, "x-backstop-error").map(str::to_owned);
    (
        response.status().as_u16(),
        code,
        response.json().await.unwrap(),
    )
}

async fn site(family: Family) -> Site {
    Site::with(Plan {
        family,
        ..Plan::default()
    })
    .await
}

const ANTHROPIC: &[(&str, &str)] = &[("anthropic-version", "2023-06-01")];
const GOOGLE: &[(&str, &str)] = &[("x-goog-api-key", "k")];

#[tokio::test]
async fn each_client_finds_the_workload_in_its_own_form() {
    for (family, base, headers) in [
        (Family::OpenaiChat, "/v1", &[][..]),
        (Family::OpenaiChat, "/w/support-chat/v1", &[]),
        (Family::OpenaiResponses, "/v1", &[]),
        (Family::AnthropicMessages, "/v1", ANTHROPIC),
        (Family::AnthropicMessages, "/w/support-chat/v1", ANTHROPIC),
    ] {
        let site = site(family).await;
        let (status, _, list) = ask(&site, &format!("{base}/models?limit=10"), headers).await;
        assert_eq!(status, 200, "{family} {base}");
        assert_eq!(list["data"][0]["id"], "support-chat", "{family}: {list}");
        assert_eq!(list["has_more"], false, "{family}: {list}");
        let path = format!("{base}/models/support-chat");
        let (status, _, one) = ask(&site, &path, headers).await;
        assert_eq!(status, 200, "{family} {base}");
        assert_eq!(one, list["data"][0], "{family}");
    }
    let site = site(Family::GeminiGenerate).await;
    for (base, headers) in [
        ("/v1beta", &[][..]),
        ("/w/support-chat/v1beta", &[]),
        ("/v1", GOOGLE),
        ("/w/support-chat/v1", GOOGLE),
    ] {
        let (status, _, list) = ask(&site, &format!("{base}/models?pageSize=5"), headers).await;
        assert_eq!(status, 200, "{base}");
        let model = &list["models"][0];
        assert_eq!(model["name"], "models/support-chat", "{base}: {list}");
        let methods = model["supportedGenerationMethods"].as_array().unwrap();
        assert!(methods.contains(&"generateContent".into()), "{list}");
        let path = format!("{base}/models/support-chat");
        let (status, _, one) = ask(&site, &path, headers).await;
        assert_eq!((status, &one), (200, model), "{base}");
    }
}

#[tokio::test]
async fn an_unknown_model_is_a_404_in_the_clients_own_shape() {
    let site = site(Family::OpenaiChat).await;
    for (case, path, headers) in [
        ("one", "/v1/models/other", &[][..]),
        ("of a workload", "/w/support-chat/v1/models/other", &[]),
        ("of no workload", "/w/other/v1/models", &[]),
        ("encoded", "/v1/models/a%20b", &[]),
    ] {
        let (status, code, body) = ask(&site, path, headers).await;
        assert_eq!(status, 404, "{case}");
        assert_eq!(code.as_deref(), Some("backstop_unknown_workload"), "{case}");
        assert_eq!(body["error"]["source"], "backstop", "{case}: {body}");
        assert_eq!(body["error"]["code"], "backstop_unknown_workload", "{case}");
    }
    let (status, _, body) = ask(&site, "/v1/models/other", ANTHROPIC).await;
    assert_eq!(status, 404);
    assert_eq!(body["type"], "error", "{body}");
    assert_eq!(body["error"]["type"], "not_found_error", "{body}");
    for (path, headers) in [
        ("/v1beta/models/other", &[][..]),
        ("/v1/models/other", GOOGLE),
    ] {
        let (status, _, body) = ask(&site, path, headers).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(body["error"]["status"], "NOT_FOUND", "{path}: {body}");
    }
}

#[tokio::test]
async fn a_client_is_not_told_of_workloads_that_it_cannot_ask() {
    let site = site(Family::OpenaiChat).await;
    let (status, _, list) = ask(&site, "/v1beta/models", &[]).await;
    assert_eq!((status, list["models"].as_array().unwrap().len()), (200, 0));
    let (status, _, list) = ask(&site, "/v1/models", ANTHROPIC).await;
    assert_eq!((status, list["data"].as_array().unwrap().len()), (200, 0));
    for (path, headers) in [
        ("/v1beta/models/support-chat", &[][..]),
        ("/w/support-chat/v1beta/models", &[]),
        ("/v1/models/support-chat", ANTHROPIC),
    ] {
        let (status, ..) = ask(&site, path, headers).await;
        assert_eq!(status, 404, "{path}");
    }
}
