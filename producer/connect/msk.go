package connect

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/twmb/franz-go/pkg/sasl"
	saslaws "github.com/twmb/franz-go/pkg/sasl/aws"
)

// mskIAM authenticates with the AWS default credential chain: environment, web
// identity (IRSA), pod identity, instance profile. The SDK keeps credentials
// and renews them before they end.
func mskIAM() sasl.Mechanism {
	credentials := sync.OnceValues(func() (aws.CredentialsProvider, error) {
		cfg, err := config.LoadDefaultConfig(context.Background())
		if err != nil {
			return nil, fmt.Errorf("load AWS configuration: %w", err)
		}
		return cfg.Credentials, nil
	})
	return saslaws.ManagedStreamingIAM(func(ctx context.Context) (saslaws.Auth, error) {
		provider, err := credentials()
		if err != nil {
			return saslaws.Auth{}, err
		}
		got, err := provider.Retrieve(ctx)
		if err != nil {
			return saslaws.Auth{}, fmt.Errorf("KAFKA_SASL_MECHANISM AWS_MSK_IAM: no AWS credentials: %w", err)
		}
		return saslaws.Auth{
			AccessKey: got.AccessKeyID, SecretKey: got.SecretAccessKey, SessionToken: got.SessionToken, UserAgent: "pylon-kafka",
		}, nil
	})
}
